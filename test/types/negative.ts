/** What must not compile: each line below a directive has an error, or tsc complains about the directive. Compiled, never run. */
import { z } from 'zod'
import { fileSink } from '../../src/connectors/file/index.js'
import { httpSink } from '../../src/connectors/http/index.js'
import { kafkaSink, kafkaSource } from '../../src/connectors/kafka/index.js'
import { workflowSink, workflowUpdateSink } from '../../src/connectors/temporal/index.js'
import { deadLetter, definePipeline, defineSink, json, text, type Output, type Sink } from '../../src/index.js'
import { addOrder, Click, customerAccount, Order, orderSaga } from './models.js'

const keyed = kafkaSource({ topic: 'orders', key: text(), value: json(Order) })
const unkeyed = kafkaSource({ topic: 'orders', value: json(Order) })
declare const numberSink: Sink<number>

definePipeline({
  name: 'wrong-sink',
  sources: { s: keyed },
  // @ts-expect-error a sink of numbers after a stream of orders
  steps: ({ s }) => s.to('n', numberSink),
})
definePipeline({
  name: 'same-sink-id',
  sources: { s: keyed },
  // @ts-expect-error two sinks with one id
  steps: ({ s }) => [s.to('o', kafkaSink({ topic: 't' })), s.to('o', kafkaSink({ topic: 'u' }))],
})
definePipeline({
  name: 'no-end',
  sources: { s: keyed },
  // @ts-expect-error a stream that ends nowhere
  steps: ({ s }) => s.filter('f', (o) => o.total > 1),
})
definePipeline({
  name: 'no-return',
  sources: { s: keyed },
  // @ts-expect-error what .to() returned is not returned
  steps: ({ s }) => {
    s.to('o', kafkaSink({ topic: 't' }))
  },
})
definePipeline({
  name: 'async-map',
  sources: { s: keyed },
  // @ts-expect-error map with an async function
  steps: ({ s }) => s.map('m', async (o) => o.id).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'async-filter',
  sources: { s: keyed },
  // @ts-expect-error filter with an async function
  steps: ({ s }) => s.filter('f', async (o) => o.total > 1).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'promises-from-flat-map',
  sources: { s: keyed },
  // @ts-expect-error an array of promises
  steps: ({ s }) => s.flatMap('m', (o) => [Promise.resolve(o.id)]).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'flat-map-without-iterable',
  sources: { s: keyed },
  // @ts-expect-error a number cannot be iterated
  steps: ({ s }) => s.flatMap('m', (o) => o.total).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'async-steps',
  sources: { s: keyed },
  // @ts-expect-error steps are built at once
  steps: async ({ s }) => s.to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'unknown-option',
  sources: { s: keyed },
  // @ts-expect-error checkpoint
  checkpiont: { interval: '5s' },
  steps: ({ s }) => s.to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'unknown-inner-option',
  sources: { s: keyed },
  // @ts-expect-error interval
  commit: { every: '5s' },
  steps: ({ s }) => s.to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'bad-duration',
  sources: { s: keyed },
  // @ts-expect-error no duration
  commit: { interval: 'five' },
  steps: ({ s }) => s.to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'no-such-source',
  sources: { s: keyed },
  // @ts-expect-error the source is called s
  steps: ({ orders }) => orders,
})
definePipeline({
  name: 'no-such-property',
  sources: { s: keyed },
  // @ts-expect-error totals
  steps: ({ s }) => s.filter('f', (o) => o.totals > 1).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'raw-key',
  sources: { s: unkeyed },
  // @ts-expect-error an unkeyed stream has the raw key
  steps: ({ s }) => s.map('m', (_, ctx) => ctx.key.toUpperCase()).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'number-as-predicate',
  sources: { s: keyed },
  // @ts-expect-error a predicate gives true or false
  steps: ({ s }) => s.branch('b', { a: (o) => o.total }).a.to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'no-such-branch',
  sources: { s: keyed },
  // @ts-expect-error the branch is called large
  steps: ({ s }) => s.branch('b', { large: (o) => o.total > 1 }).small.to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'merge-of-other-keys',
  sources: { s: keyed, c: kafkaSource({ topic: 'c', key: json(z.number()), value: json(Click) }) },
  // @ts-expect-error streams with keys of different types
  steps: ({ s, c }) => s.merge('both', c).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'merge-of-nothing',
  sources: { s: keyed },
  // @ts-expect-error at least one other stream
  steps: ({ s }) => s.merge('alone').to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'on-error',
  sources: { s: keyed },
  // @ts-expect-error 'fail', 'skip' or deadLetter(…)
  onError: 'ignore',
  steps: ({ s }) => s.to('o', kafkaSink({ topic: 't' })),
})
// @ts-expect-error a source is made by a factory
definePipeline({ name: 'no-source', sources: { s: 'orders' }, steps: ({ s }) => s })
// @ts-expect-error dead letters are no numbers
deadLetter(numberSink)
// @ts-expect-error no such option
deadLetter(fileSink({ directory: 'd' }), { whenever: () => true })
// @ts-expect-error an idempotent sink says whether its target keeps one effect per id
defineSink({
  kind: 'k',
  mode: 'idempotent',
  encode: (o: Output<number>) => o.value,
  open: () => Promise.reject(new Error('never')),
})
// @ts-expect-error no such option
kafkaSink({ topic: 't', keys: () => 'k' })
definePipeline({
  name: 'saga',
  sources: { s: keyed },
  steps: ({ s }) =>
    s.to(
      'saga',
      // @ts-expect-error the second argument is 'high' or 'low'
      workflowSink({ workflow: orderSaga, taskQueue: 'sagas', args: (o) => [o, 'urgent'] }),
    ),
})
definePipeline({
  name: 'account',
  sources: { s: keyed },
  steps: ({ s }) =>
    s.to(
      'account',
      workflowUpdateSink({
        workflow: customerAccount,
        taskQueue: 'sagas',
        workflowId: (o) => o.id,
        args: (o) => [o.customerId],
        update: addOrder,
        // @ts-expect-error an order's id, and its total
        updateArgs: (o) => [o.id],
      }),
    ),
})
definePipeline({
  name: 'http',
  sources: { s: keyed },
  steps: ({ s }) =>
    s.to(
      'out',
      // @ts-expect-error an order has no number
      httpSink({ url: (o) => `https://erp.example/${o.number}` }),
    ),
})
// @ts-expect-error what is fetched is not sent
httpSink<string>({ url: 'https://erp.example', method: 'GET' })
definePipeline({
  name: 'async-map-of-no-promise',
  sources: { s: keyed },
  // @ts-expect-error a function that returns no promise
  steps: ({ s }) => s.asyncMap('m', (o) => o.id).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'async-map-random',
  sources: { s: keyed },
  // @ts-expect-error no random numbers that would be the same again
  steps: ({ s }) => s.asyncMap('m', async (_, ctx) => ctx.random()).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'async-map-options',
  sources: { s: keyed },
  // @ts-expect-error how often, and a duration
  steps: ({ s }) => s.asyncMap('m', async (o) => o, { retry: {}, timeout: 'five' }).to('o', kafkaSink({ topic: 't' })),
})
definePipeline({
  name: 'async-map-sink',
  sources: { s: keyed },
  // @ts-expect-error a sink of numbers behind promises of texts
  steps: ({ s }) => s.asyncMap('m', async (o) => o.id).to('n', numberSink),
})
