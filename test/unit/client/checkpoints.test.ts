import { describe, expect, test } from 'vitest'
import { checkpointsView } from '../../../src/cli/views/checkpoints-view.js'
import { type CheckpointInfo, listCheckpoints } from '../../../src/client/checkpoints.js'
import { recordedClient, recordedRuns, runIdOf } from '../control/recorded-client.js'

const tasks = [0, 1].map((partition) => ({ stage: 'main', partition }))
const client = recordedClient({ memo: { tasks } })

async function all(options: Parameters<typeof listCheckpoints>[2] = {}, of = client): Promise<CheckpointInfo[]> {
  const found: CheckpointInfo[] = []
  for await (const one of listCheckpoints(of, 'recorded', options)) found.push(one)
  return found
}

describe('checkpoints of recorded histories', () => {
  test('all of each task, across continue-as-new, newest first, without a gap', async () => {
    for (const partition of [0, 1]) {
      const found = await all({ partition })
      const epochs = found.map(({ epoch }) => epoch)
      expect(new Set(found.map(({ runId }) => runId)).size).toBeGreaterThan(1)
      expect(epochs).toEqual(Array.from(epochs, (_, i) => epochs.length - i))
      // Each begins where the one before it ended.
      for (const [i, { from }] of found.slice(0, -1).entries()) expect(from).toEqual(found[i + 1]?.positions)
      expect(found.at(-1)?.from).toEqual({ words: '0' })
    }
    const order = (await all()).map(({ partition }) => partition)
    expect(order, 'one task after the other').toEqual(order.toSorted((a, b) => a - b))
  })

  test('each with what history records of it', async () => {
    const [newest] = await all({ partition: 0, limit: 1 })
    expect(newest).toMatchObject({ stage: 'main', partition: 0, generation: 1, incarnation: 1, stateBytes: 0 })
    expect(newest?.worker).toMatch(/@/)
    expect(newest?.recordedAt).toBeGreaterThan(newest?.time ?? Infinity)
    expect(newest?.durationMs).toBeLessThan(10_000)
    expect(newest?.bytes).toBeGreaterThan(50)
    expect(newest?.digests['files']).toMatch(/^[0-9a-f]{32}$/)
    const written = (await all({ partition: 0 })).reduce((sum, one) => sum + one.written, 0)
    expect(String(written)).toBe(newest?.positions['words'])
  })

  test('so many as are asked for, and no run is read for more', async () => {
    expect((await all({ limit: 2 })).map(({ partition }) => partition)).toEqual([0, 0, 1, 1])
  })

  test('what is gone from the namespace is left out', async () => {
    const [newest, older] = recordedRuns('tidemark/recorded/main/0').map(runIdOf)
    const found = await all({ partition: 0 }, recordedClient({ memo: { tasks }, lost: [older ?? ''] }))
    expect(new Set(found.map(({ runId }) => runId))).toEqual(new Set([newest]))
    expect(found.length).toBeGreaterThan(0)
  })

  test('tasks there are not, and wrong options, are refused', async () => {
    await expect(all({ partition: 7 })).rejects.toMatchObject({ code: 'InvalidCommand' })
    await expect(all({ limit: 0 })).rejects.toThrow('limit must be above 0')
  })

  test('as a table: one line each, the newest first', async () => {
    const found = await all({ partition: 1 })
    const lines = checkpointsView(found, found[0]?.recordedAt ?? 0).split('\n')
    expect(lines).toHaveLength(found.length + 1)
    expect(lines[0]).toMatch(
      /^TASK +EPOCH +RECORDED +NEXT TO READ +READ +WRITTEN +BYTES +TOOK +ENDED BY +DIGEST +WORKER$/,
    )
    expect(lines[1]).toMatch(new RegExp(`^main/1 +1/${found.length} +2026-.*Z +0 s ago +`))
    expect(lines[1]).toContain(found[0]?.digests['files']?.slice(0, 8))
  })
})
