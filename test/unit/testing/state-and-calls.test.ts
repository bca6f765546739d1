import { setTimeout as delay } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { kafkaSink } from '../../../src/connectors/kafka/index.js'
import { collect, count, deadLetter, definePipeline, json, text, tumbling } from '../../../src/index.js'
import type { EventTime, Serde, Stream } from '../../../src/index.js'
import { checkDeterminism, crash, memorySource, testPipeline } from '../../../src/testing/index.js'
import { memorySegments } from '../../../src/testing/memory-segments.js'

interface Item {
  readonly key: string
  readonly time: number
  /** A place where it turns out bad. */
  readonly badAt: number
  readonly ms: number
  readonly nth: number
}

const items = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        key: fc.constantFrom('a', 'b'),
        time: fc.nat(60),
        badAt: fc.nat(12),
        ms: fc.nat(3),
        nth: fc.constant(0),
      }),
    },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  { maxLength: 25 },
)

type Keyed = Stream<Item, string, EventTime>

/** Steps with state before, between and behind three others, which are waited for or not. */
function pipelineOf(given: readonly (Item | null)[], isWaitedFor: boolean) {
  const at = <S extends Stream<Item, string, unknown>>(place: number, stream: S): S => {
    const answer = (item: Item): Item => {
      if (item.badAt === place) throw new Error(`bad at ${place}`)
      return { ...item, nth: item.nth * 10 + place }
    }
    const ask = async (item: Item): Promise<Item> => {
      await delay(item.ms)
      return answer(item)
    }
    const id = `ask-${place}`
    return (isWaitedFor ? stream.asyncMap(id, ask, { concurrency: 3 }) : stream.map(id, answer)) as S
  }
  return definePipeline({
    name: 'anything',
    onError: deadLetter(kafkaSink({ topic: 'letters' })),
    state: { backend: memorySegments() },
    sources: { items: memorySource<Item>(given.map((item) => item ?? (crash() as unknown as Item))) },
    steps: ({ items: all }) => {
      const keyed = all.keyBy('key', ({ key }) => key, { key: text(), alreadyPartitioned: true })
      const timed = at(
        1,
        keyed.eventTime('time', ({ time }) => time, { maxDisorder: 5 }),
      )
      const numbered: Keyed = timed.stateful('number', {
        init: () => 0,
        onRecord(item, state, ctx) {
          state.set(state.get() + 1)
          if (item.badAt === 4) ctx.reject('bad at 4')
          if (item.time % 3 === 0) ctx.timers.atEventTime(`t${item.time}`, item.time + 7)
          return [{ ...item, nth: state.get() }]
        },
        onTimer: (state, ctx) => [{ key: ctx.key, time: ctx.timer.at, badAt: -1, ms: 1, nth: -state.get() }],
      })
      const asked = at(2, numbered)
      const windows = asked.window('all-of-ten', tumbling(10), collect(), { grace: 5 })
      const flat: Keyed = windows.map('flat', ({ key, start, value }) => {
        const nth = value.reduce((sum, item) => sum + item.nth, 0)
        return { key, time: start, badAt: -1, ms: 2, nth }
      })
      return [
        asked.count('count').to('counts', kafkaSink({ topic: 'counts', value: json() })),
        asked.to('all', kafkaSink({ topic: 'all', value: json() })),
        at(3, flat)
          .window('tens', tumbling(20), count())
          .to('wide', kafkaSink({ topic: 'wide', value: json() })),
        windows.late.to('late', kafkaSink({ topic: 'late', value: json() })),
      ]
    },
  })
}

test('whatever is slow, bad or lost: state and outputs are what they are where nobody waits', async () => {
  await fc.assert(
    fc.asyncProperty(items, async (given) => {
      await using waiting = await testPipeline(pipelineOf(given, true))
      await using plain = await testPipeline(pipelineOf(given, false))
      const seen = (t: typeof plain) => ({
        counts: t.sink('counts').values,
        all: t.sink('all').values,
        wide: t.sink('wide').values,
        late: t.sink('late').values,
        letters: t.deadLetters.map(({ origin, error }) => [origin.position, error.message]),
      })
      expect(seen(waiting)).toEqual(seen(plain))
    }),
    { numRuns: 60 },
  )
})

test('a check for determinism finds state that is none, behind a call whose answers are kept', async () => {
  let calls = 0
  const counted = (more: () => number) =>
    definePipeline({
      name: 'counting',
      state: { backend: memorySegments() },
      sources: { numbers: memorySource<number>([]) },
      steps: ({ numbers }) =>
        numbers
          .keyBy('one', () => 'one', { key: text(), alreadyPartitioned: true })
          .asyncMap('ask', async (n) => n + calls++)
          .reduce('sum', (a, b) => a + b + more())
          .to('out', kafkaSink({ topic: 'out', value: json() })),
    })
  const records = { numbers: [1, 2, 3] }
  await expect(
    checkDeterminism(
      counted(() => 0),
      records,
    ),
  ).resolves.toBeUndefined()
  await expect(
    checkDeterminism(
      counted(() => calls++),
      records,
    ),
  ).rejects.toMatchObject({ code: 'NonDeterministicStep' })
})

test('event time goes on to the next stage, from a stage that waits', async () => {
  const ask = async (n: number): Promise<number> => {
    await delay(3 - (n % 3))
    return n
  }
  const carrying = (isWaitedFor: boolean) =>
    definePipeline({
      name: 'carrying',
      state: { backend: memorySegments() },
      sources: { times: memorySource([1, 12, 3, 25, 4, 37]) },
      steps: ({ times }) => {
        const timed = times.eventTime('time', (n) => n, { maxDisorder: 0 })
        const asked = isWaitedFor ? timed.asyncMap('ask', ask) : timed.map('ask', (n) => n)
        return asked
          .repartition('by-parity', (n) => String(n % 2), { key: text(), value: json() as Serde<number> })
          .window('tens', tumbling(10), collect())
          .to('out', kafkaSink({ topic: 'out', value: json() }))
      },
    })
  await using waiting = await testPipeline(carrying(true))
  await using plain = await testPipeline(carrying(false))
  expect(plain.sink('out').values).toEqual([
    { key: '1', start: 0, end: 10, value: [1, 3] },
    { key: '0', start: 10, end: 20, value: [12] },
  ])
  expect(waiting.sink('out').values).toEqual(plain.sink('out').values)
})
