import { setTimeout as delay } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { kafkaSink } from '../../../src/connectors/kafka/index.js'
import { deadLetter, definePipeline } from '../../../src/index.js'
import { checkDeterminism, crash, memorySink, memorySource, testPipeline } from '../../../src/testing/index.js'

/** Another answer each time. */
const asking = () => {
  const keys: string[] = []
  const sink = memorySink<string>()
  const pipeline = definePipeline({
    name: 'asking',
    sources: { numbers: memorySource<number>([]) },
    steps: ({ numbers }) =>
      numbers
        .asyncMap('ask', async (n, ctx) => {
          keys.push(ctx.idempotencyKey)
          await delay(1)
          return `${n}#${keys.length}`
        })
        .to('out', sink),
  })
  return { pipeline, keys, sink }
}

test('what was sent is asked once and committed when send resolves; a crash changes nothing of it', async () => {
  const { pipeline, keys } = asking()
  await using t = await testPipeline(pipeline)
  await t.send('numbers', { value: 7 })
  await t.crash()
  await t.send('numbers', { value: 8 })
  await t.checkpoint()
  await t.crash()
  await t.crash()
  expect(t.sink('out').values).toEqual(['7#1', '8#2'])
  expect(keys).toEqual(['asking/main/numbers-0-0-ask-0', 'asking/main/numbers-0-1-ask-0'])
})

test('a check for determinism has nothing to say of it', async () => {
  const { pipeline } = asking()
  await expect(checkDeterminism(pipeline, { numbers: [1, 2, 3] })).resolves.toBeUndefined()
})

interface Item {
  readonly n: number
  readonly copies: number
  readonly bad: boolean
  readonly ms: number
}

const items = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        n: fc.nat(99),
        copies: fc.nat(3),
        bad: fc.boolean(),
        ms: fc.nat(3),
      }),
    },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  { maxLength: 25 },
)

test('whatever is slow, bad or lost: each output once, in order, with an answer of its own; each bad record a letter', async () => {
  await fc.assert(
    fc.asyncProperty(items, fc.integer({ min: 1, max: 5 }), async (given, concurrency) => {
      let calls = 0
      const ask = async ({ item, copy }: { item: Item; copy: number }) => {
        const call = ++calls
        await delay(copy === 1 ? 0 : item.ms)
        if (item.bad && copy === item.copies - 1) throw new Error('bad')
        return { n: item.n, copy, call }
      }
      const pipeline = definePipeline({
        name: 'anything',
        onError: deadLetter(kafkaSink({ topic: 'letters' })),
        sources: { items: memorySource<Item>(given.map((item) => item ?? (crash() as unknown as Item))) },
        steps: ({ items: stream }) => {
          const asked = stream
            .flatMap('copies', (item) => Array.from({ length: item.copies }, (_, copy) => ({ item, copy })))
            .asyncMap('ask', ask, { concurrency })
          return [
            asked.filter('evens', ({ n }) => n % 2 === 0).to('even', kafkaSink({ topic: 'even' })),
            asked.asyncMap('again', (answer) => delay(answer.n % 3, answer)).to('all', kafkaSink({ topic: 'all' })),
          ]
        },
      })
      await using t = await testPipeline(pipeline)
      const records = given.filter((item) => item !== null)
      const isBad = ({ bad, copies }: Item): boolean => bad && copies > 0
      const expected = records
        .filter((item) => !isBad(item))
        .flatMap(({ n, copies }) => Array.from({ length: copies }, (_, copy) => ({ n, copy })))
      const all = t.sink('all').values
      expect(all.map(({ n, copy }) => ({ n, copy }))).toEqual(expected)
      expect(new Set(all.map(({ call }) => call)).size).toBe(all.length)
      // One answer in both: they share a ledger.
      expect(t.sink('even').values).toEqual(all.filter(({ n }) => n % 2 === 0))
      const positions = records.flatMap((item, position) => (isBad(item) ? [String(position)] : []))
      expect(t.deadLetters.map(({ origin }) => origin.position)).toEqual(positions)
    }),
    { numRuns: 60 },
  )
})
