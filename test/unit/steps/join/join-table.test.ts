import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { kafkaSource } from '../../../../src/connectors/kafka/kafka-source.js'
import { definePipeline } from '../../../../src/definition/define-pipeline.js'
import type { Fault } from '../../../../src/definition/fault.js'
import { json, text } from '../../../../src/definition/serdes/index.js'
import { table } from '../../../../src/definition/table.js'
import { memorySink, testPipeline } from '../../../../src/testing/index.js'
import { faultsOf, numbers, transactional } from '../../definition/parts.js'
import { keyedSource } from '../stage-run.js'

type Joined = readonly [value: number, row: string | null]

const joined = (how: 'inner' | 'left') =>
  definePipeline({
    name: 'with-rows',
    sources: {
      values: kafkaSource({ topic: 'values', key: text(), value: json(z.number()) }),
      rows: table(kafkaSource({ topic: 'rows', key: text(), value: json(z.string()) })),
    },
    steps: (s) =>
      s.values.joinTable('j', s.rows, { how }, (value, row): Joined => [value, row ?? null]).to('out', memorySink()),
  })

const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('row' as const),
      key: fc.constantFrom('a', 'b'),
      row: fc.constantFrom('x', 'y', null),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('value' as const), key: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.constant({ do: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
)

test.each(['inner', 'left'] as const)('%s: against a map, with crashes', async (how) => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
      await using run = await testPipeline(joined(how))
      const rows = new Map<string, string>()
      const expected: Joined[] = []
      for (const [n, one] of actions.entries()) {
        if (one.do === 'row') {
          await run.send('rows', { key: one.key, value: one.row })
          if (one.row === null) rows.delete(one.key)
          else rows.set(one.key, one.row)
        } else if (one.do === 'value') {
          await run.send('values', { key: one.key, value: n })
          const row = rows.get(one.key) ?? null
          if (row !== null || how === 'left') expected.push([n, row])
        } else await run[one.do]()
      }
      expect(run.sink('out').values).toEqual(expected)
    }),
    { numRuns: 60 },
  )
})

test('a tombstone deletes, though the serde takes none', async () => {
  await using run = await testPipeline(joined('left'))
  await run.sendBytes('rows', Buffer.from('"x"'), { key: 'a' })
  await run.send('values', { key: 'a', value: 1 })
  await run.sendBytes('rows', null, { key: 'a' })
  await run.send('values', { key: 'a', value: 2 })
  expect(run.sink('out').values).toEqual([
    [1, 'x'],
    [2, null],
  ])
})

test('a row without a key is a bad record', async () => {
  await using run = await testPipeline(joined('left'))
  await expect(run.sendBytes('rows', Buffer.from('"x"'))).rejects.toMatchObject({ code: 'RecordRejected' })
})

/** Types are forgotten: these are what callers without them may write. */
type Loose = Readonly<Record<string, (...args: readonly unknown[]) => Loose>>
const wrong = (join: readonly unknown[], rows: unknown = table(keyedSource<number>())): readonly Fault[] =>
  faultsOf({
    name: 'p',
    sources: { s: keyedSource<number>(), rows },
    steps: (streams: { s: Loose; rows: unknown }) =>
      streams.s['joinTable']?.('x', ...join.map((one) => (one === 'rows' ? streams.rows : one)))['to']?.(
        'out',
        transactional(),
      ),
  })

const cases: readonly (readonly [title: string, join: readonly unknown[], path: string, message: RegExp])[] = [
  ['no table', ['nothing', {}, () => 0], 'steps.x', /no table/],
  ['an unknown kind', ['rows', { how: 'outer' }, () => 0], 'steps.x.how', /'inner' or 'left'/],
  ['an unknown option', ['rows', { within: 5 }, () => 0], 'steps.x.within', /not an option/],
  ['bad state', ['rows', { state: { ttl: 'long' } }, () => 0], 'steps.x.state.ttl', /no duration/],
  ['no function', ['rows', {}, 5], 'steps.x', /function as its fourth/],
]

test.each(cases)('%s', (_, join, path, message) => {
  expect(wrong(join)).toContainEqual(expect.objectContaining({ path, message: expect.stringMatching(message) }))
})

test('a table without a key, and one of no source', () => {
  const unkeyed = table(numbers() as never)
  expect(wrong(['rows', {}, () => 0], unkeyed)).toEqual([
    expect.objectContaining({ path: 'sources.rows', message: expect.stringMatching(/needs a key/) }),
  ])
  expect(wrong(['rows', {}, () => 0], table(7 as never))).toContainEqual(
    expect.objectContaining({ path: 'sources.rows', message: expect.stringMatching(/no source/) }),
  )
  expect(wrong(['rows', {}, () => 0])).toEqual([])
})
