import picocolors from 'picocolors'
import { describe, expect, test } from 'vitest'
import { rewindView } from '../../../src/cli/views/rewind-view.js'
import { rewindTo } from '../../../src/cli/values.js'
import { listCheckpoints } from '../../../src/client/checkpoints.js'
import { between, checkRewind, planRewind, type RewindTo } from '../../../src/client/rewind.js'
import { recordedClient } from '../control/recorded-client.js'

const tasks = [0, 1].map((partition) => ({ stage: 'main', partition }))
const client = recordedClient({ memo: { tasks } })
const plan = (to: RewindTo, more: { partition?: number } = {}) =>
  planRewind(client, 'recorded', checkRewind('recorded', { to, ...more }))

describe('what a rewind of recorded histories would do', () => {
  test('each task from the checkpoint on, to the sinks of the plan', async () => {
    const found = await plan({ epoch: 3 })
    expect(found).toMatchObject({ pipeline: 'recorded', running: false })
    expect(found.sinks).toEqual([
      { stage: 'main', id: 'files', kind: 'file', describe: expect.stringMatching(/^directory /) },
    ])
    expect(found.tasks.map(({ partition, epoch, generation }) => [partition, generation, epoch])).toEqual([
      [0, 1, 3],
      [1, 1, 3],
    ])
    for (const { partition, from, to, records } of found.tasks) {
      const all = []
      for await (const one of listCheckpoints(client, 'recorded', { partition })) all.push(one)
      expect(from).toEqual(all.find(({ epoch }) => epoch === 3)?.positions)
      expect(to).toEqual(all[0]?.positions)
      expect(records).toBe(Number(to['words']) - Number(from['words']))
    }
  })

  test('by a time: the newest checkpoint that was there', async () => {
    for await (const one of listCheckpoints(client, 'recorded', { partition: 0 })) {
      const { tasks: found } = await plan({ time: one.recordedAt }, { partition: 0 })
      expect(found).toMatchObject([{ epoch: one.epoch, recordedAt: one.recordedAt, from: one.positions }])
    }
  })

  test('a task that has not come so far refuses it for all', async () => {
    await expect(plan({ epoch: 9_999 })).rejects.toMatchObject({ code: 'CheckpointNotFound' })
    await expect(plan({ epoch: 1 }, { partition: 8 })).rejects.toMatchObject({ code: 'InvalidCommand' })
  })

  test('of a pipeline whose newest start failed before it had tasks, as the one before left them', async () => {
    const failed = recordedClient({ earlier: { tasks } })
    const rewind = checkRewind('recorded', { to: { epoch: 3 } })
    expect((await planRewind(failed, 'recorded', rewind)).tasks).toEqual((await plan({ epoch: 3 })).tasks)
  })

  test('as a person reads it before it is done', async () => {
    const text = rewindView(await plan({ epoch: 3 }), picocolors.createColors(false))
    expect(text).toMatch(
      /^recorded: outputs of \d+ records of 2 tasks will be written again, in a new generation, to\n {2}files: file, directory .* \(stage main\)\n/,
    )
    expect(text).toMatch(/^main\/1 +1\/3 +2026-\S+ +\d+ +\d+ +\d+$/m)
    expect(text).not.toContain('cancelled first')
    expect(rewindView({ ...(await plan({ epoch: 0 })), running: true }, picocolors.createColors(false))).toMatch(
      /at its beginning +0 [\s\S]*cancelled first/,
    )
  })
})

test.each([
  ['45', { epoch: 45 }],
  ['2/0', { epoch: 0, generation: 2 }],
  ['2026-01-31T08:00:00Z', { time: new Date('2026-01-31T08:00:00Z') }],
])('--to %s', (text, to) => {
  expect(rewindTo(text)).toEqual(to)
})

test.each(['', '-1', '1..2', 'Yesterday', '2026-01-31T08:00:00', '2026-02-30', '1/2/3'])('%j is nowhere', (text) => {
  expect(() => rewindTo(text)).toThrow('It has to be an epoch')
})

test('wrong options are refused', () => {
  expect(() => checkRewind('delays', { to: {} as RewindTo })).toThrow('to must be { epoch }')
  expect(() => checkRewind('delays', { to: { epoch: -1 } })).toThrow(/to/)
})

test('records between positions, where these are numbers', () => {
  expect(between({ a: '5', b: '9007199254740993' }, { a: '7', b: '9007199254740994' })).toBe(3)
  expect(between({ a: '5' }, { a: '3' })).toBe(0)
  expect(between({ a: 'x5' }, { a: 'x7' })).toBeNull()
})
