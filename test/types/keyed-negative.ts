/** Keys, event time, windows and state: what must not compile. Compiled, never run. */
import { kafkaSink, kafkaSource } from '../../src/connectors/kafka/index.js'
import { aggregate, combine, count, definePipeline, json, session, text, tumbling, type Sink } from '../../src/index.js'
import { Order } from './models.js'

const keyed = kafkaSource({ topic: 'orders', key: text(), value: json(Order) })
const unkeyed = kafkaSource({ topic: 'orders', value: json(Order) })
declare const numberSink: Sink<number>
const out = kafkaSink<unknown>({ topic: 't' })

definePipeline({
  name: 'untimed-window',
  sources: { s: keyed },
  // @ts-expect-error window without event time
  steps: ({ s }) => s.window('w', tumbling('1h'), count()).to('o', out),
})
definePipeline({
  name: 'unkeyed-count',
  sources: { s: unkeyed },
  // @ts-expect-error keyed step on an unkeyed stream
  steps: ({ s }) => s.count('n').to('o', out),
})
definePipeline({
  name: 'unkeyed-window',
  sources: { s: unkeyed },
  steps: ({ s }) =>
    s
      .eventTime('t', (o) => o.at, { maxDisorder: 1 })
      // @ts-expect-error event time is there, a key is not
      .window('w', tumbling('1h'), count())
      .to('o', out),
})
definePipeline({
  name: 'session-without-merge',
  sources: { s: keyed },
  steps: ({ s }) =>
    s
      .eventTime('t', (o) => o.at, { maxDisorder: '1m' })
      // @ts-expect-error a session window needs merge
      .window('w', session('5m'), aggregate({ init: () => 0, add: (n, o) => n + o.total, result: (n) => n }))
      .to('o', out),
})
definePipeline({
  name: 'combine-without-merge',
  sources: { s: keyed },
  steps: ({ s }) =>
    s
      // @ts-expect-error combine needs merge of all its parts
      .aggregate('n', combine({ n: { init: () => 0, add: (n: number) => n + 1, result: (n: number) => n } }))
      .to('o', out),
})
definePipeline({
  name: 'text-as-time',
  sources: { s: keyed },
  // @ts-expect-error an ISO string is no time
  steps: ({ s }) => s.eventTime('t', (o) => o.id, { maxDisorder: '1m' }).to('o', out),
})
definePipeline({
  name: 'bad-duration',
  sources: { s: keyed },
  // @ts-expect-error no duration
  steps: ({ s }) => s.eventTime('t', (o) => o.at, { maxDisorder: 'five' }).to('o', out),
})
definePipeline({
  name: 'no-disorder',
  sources: { s: keyed },
  // @ts-expect-error how far out of order values may come must be said
  steps: ({ s }) => s.eventTime('t', (o) => o.at).to('o', out),
})
definePipeline({
  name: 'key-by',
  sources: { s: unkeyed },
  steps: ({ s }) =>
    s
      // @ts-expect-error keyBy does not shuffle: one must say that keys are together already
      .keyBy('k', (o) => o.customerId, { key: text() })
      .count('n')
      .to('o', out),
})
definePipeline({
  name: 'key-by-serde',
  sources: { s: unkeyed },
  steps: ({ s }) =>
    s
      // @ts-expect-error a number is no text
      .keyBy('k', (o) => o.total, { key: text(), alreadyPartitioned: true })
      .count('n')
      .to('o', out),
})
definePipeline({
  name: 'untimed-timer',
  sources: { s: keyed },
  steps: ({ s }) =>
    s
      .stateful('x', {
        init: () => 0,
        onRecord: (o, state, ctx) => {
          // @ts-expect-error event-time timer on an untimed stream
          ctx.timers.atEventTime('t', 1)
          ctx.timers.atProcessingTime('t', ctx.now + o.total)
          state.set(state.get() + 1)
          return [state.get()]
        },
      })
      .to('o', numberSink),
})
definePipeline({
  name: 'state-of-another-type',
  sources: { s: keyed },
  steps: ({ s }) =>
    s
      .stateful('x', {
        init: () => ({ n: 0 }),
        onRecord: (_, state) => {
          // @ts-expect-error the state is an object
          state.set(1)
          // @ts-expect-error and may not be changed in place
          state.get().n = 5
          return []
        },
      })
      .to('o', out),
})
definePipeline({
  name: 'dedupe',
  sources: { s: keyed },
  // @ts-expect-error an id is a text
  steps: ({ s }) => s.dedupe('d', { by: (o) => o.total, within: '1h' }).to('o', out),
})
definePipeline({
  name: 'reject-in-timer',
  sources: { s: keyed },
  steps: ({ s }) =>
    s
      .stateful('x', {
        init: () => 0,
        onRecord: () => [],
        onTimer: (_, ctx) => {
          // @ts-expect-error there is no record to reject
          ctx.reject('no')
          return [1]
        },
      })
      .to('o', numberSink),
})
definePipeline({
  name: 'repartition-without-value',
  sources: { s: unkeyed },
  // @ts-expect-error the serde of the value is missing
  steps: ({ s }) => s.repartition('r', (o) => o.id, { key: text() }).to('o', out),
})
definePipeline({
  name: 'repartition-wrong-key',
  sources: { s: unkeyed },
  // @ts-expect-error the key is a number, its serde takes texts
  steps: ({ s }) => s.repartition('r', (o) => o.total, { key: text(), value: json(Order) }).to('o', out),
})
definePipeline({
  name: 'repartition-untimed',
  sources: { s: unkeyed },
  steps: ({ s }) =>
    s
      .repartition('r', (o) => o.id, { key: text(), value: json(Order) })
      // @ts-expect-error no event time comes from nowhere
      .window('w', tumbling('1h'), count())
      .to('o', out),
})
