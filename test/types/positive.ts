/** What must compile, with the types that must come out. Compiled, never run. */
import { expectTypeOf } from 'vitest'
import { fileSink } from '../../src/connectors/file/index.js'
import { httpSink } from '../../src/connectors/http/index.js'
import { kafkaSink, kafkaSource } from '../../src/connectors/kafka/index.js'
import { workflowSink, workflowUpdateSink } from '../../src/connectors/temporal/index.js'
import { deadLetter, definePipeline, json, nullable, otherwise, text, type Pipeline } from '../../src/index.js'
import { addOrder, Click, customerAccount, Event, Flight, Order, orderSaga } from './models.js'

export const delayedFlights = definePipeline({
  name: 'delayed-flights',
  sources: { flights: kafkaSource({ topic: 'flights', value: json(Flight) }) },
  steps: ({ flights }) =>
    flights
      .filter('late', (f) => f.delay > 60)
      .map('brief', (f) => ({ from: f.origin, to: f.destination, minutes: f.delay }))
      .to('files', fileSink({ directory: 'out/delayed-flights' })),
})
expectTypeOf<(typeof delayedFlights)['~pipeline']['sinks']>().toEqualTypeOf<{
  readonly files: { from: string; to: string; minutes: number }
}>()

export const invoices = definePipeline({
  name: 'invoices',
  commit: { interval: '100ms' },
  checkpoint: { interval: '10 s' },
  sources: { orders: kafkaSource({ topic: 'orders', key: text(), value: json(Order) }) },
  steps: ({ orders }) =>
    orders
      .map('invoice', (o, ctx) => ({ order: o.id, customer: ctx.key.toUpperCase(), country: o.country }))
      .to(
        'invoices',
        kafkaSink({
          topic: (i) => `invoices-${i.country.toLowerCase()}`,
          key: (i) => i.customer,
          headers: (i, out) => ({ 'order-id': i.order, source: `${out.origin.source}/${out.origin.position}` }),
        }),
      ),
})

export const routed = definePipeline({
  name: 'routed',
  onError: deadLetter(fileSink({ directory: 'dead' }), { when: (f) => f.code !== 'StepFailed' }),
  sources: { events: kafkaSource({ topic: 'events', key: text(), value: json(Event) }) },
  steps: ({ events }) => {
    const { orders, refunds, rest } = events.branch('kind', {
      orders: (e) => e.kind === 'order',
      refunds: (e) => e.kind === 'refund',
      rest: otherwise,
    })
    return [
      orders
        .map('cents', (o) => ({ cents: Math.round(o.total * 100) }))
        .to('order-topic', kafkaSink({ topic: 'orders' })),
      refunds
        .filter('valid', (r, ctx) => r.amount > 0 || ctx.reject('a refund must be positive', { amount: r.amount }))
        .to('refund-topic', kafkaSink({ topic: 'refunds', key: (r) => String(r.amount) })),
      rest.to('archive', fileSink({ directory: 'archive' })),
    ]
  },
})
type Routed = (typeof routed)['~pipeline']['sinks']
expectTypeOf<Routed['refund-topic']>().toEqualTypeOf<{ kind: 'refund'; amount: number }>()
expectTypeOf<Routed['order-topic']>().toEqualTypeOf<{ cents: number }>()
expectTypeOf<Routed['archive']['kind']>().toEqualTypeOf<'order' | 'refund' | 'ping'>()
expectTypeOf<keyof Routed>().toEqualTypeOf<'order-topic' | 'refund-topic' | 'archive'>()

const isLarge = (value: { readonly total: number }): value is { readonly total: number; readonly large: true } =>
  value.total > 1000

/** Guards declared elsewhere narrow; merged streams carry a union; unkeyed streams have the raw key; generators flatten. */
export const assorted = definePipeline({
  name: 'assorted',
  sources: {
    orders: kafkaSource({ topic: 'orders', value: nullable(json(Order)) }),
    clicks: kafkaSource({ topic: 'clicks', value: json(Click) }),
  },
  steps: ({ orders, clicks }) => {
    const present = orders.filter('present', (o) => o !== null)
    const { large } = present.branch('size', { large: isLarge })
    return [
      present
        .merge('both', clicks)
        .map('when', (x) => x.at)
        .to('when-files', fileSink({ directory: 'when' })),
      present
        .flatMap('letters', function* (o, ctx) {
          yield* o.id
          yield ctx.key === null ? 0 : ctx.key.byteLength
        })
        .to('letter-files', fileSink({ directory: 'letters' })),
      large.to('large-files', fileSink({ directory: 'large' })),
    ]
  },
})
type Assorted = (typeof assorted)['~pipeline']['sinks']
expectTypeOf<Assorted['when-files']>().toEqualTypeOf<number>()
expectTypeOf<Assorted['letter-files']>().toEqualTypeOf<string | number>()
expectTypeOf<Assorted['large-files']['large']>().toEqualTypeOf<true>()

declare function score(id: string, signal: AbortSignal): Promise<{ readonly risk: number }>

/** What is awaited is what comes next; the key is the stream's. */
export const scored = definePipeline({
  name: 'scored',
  sources: { orders: kafkaSource({ topic: 'orders', key: text(), value: json(Order) }) },
  steps: ({ orders }) =>
    orders
      .asyncMap('score', async (o, ctx) => ({ key: ctx.key, ...(await score(o.id, ctx.signal)) }), {
        concurrency: 32,
        timeout: '2s',
        retry: { attempts: 3, initialInterval: '50ms', maximumInterval: 1_000 },
      })
      .filter('risky', (scoring) => scoring.risk > 0.8)
      .asyncMap('told', (scoring, ctx) => Promise.resolve([scoring.key, scoring.risk, ctx.idempotencyKey] as const))
      .to('topic', kafkaSink({ topic: 'risky' })),
})
type Scored = (typeof scored)['~pipeline']['sinks']
expectTypeOf<Scored['topic']>().toEqualTypeOf<readonly [string, number, string]>()

/** Any pipeline goes where pipelines of all sorts go. */
export const all: readonly Pipeline[] = [delayedFlights, invoices, routed, assorted, scored]

/** Arguments are checked against the workflow's and the update's own parameters, literals included. */
export const sagas = definePipeline({
  name: 'sagas',
  sources: { orders: kafkaSource({ topic: 'orders', key: text(), value: json(Order) }) },
  steps: ({ orders }) => [
    orders.to(
      'saga',
      workflowSink({
        workflow: orderSaga,
        taskQueue: 'sagas',
        workflowId: (o) => `order/${o.id}`,
        args: (o) => [o, o.total > 1_000 ? 'high' : 'low'],
      }),
    ),
    orders.to(
      'account',
      workflowUpdateSink({
        workflow: customerAccount,
        taskQueue: 'sagas',
        workflowId: (o) => `account/${o.customerId}`,
        args: (o) => [o.customerId],
        update: addOrder,
        updateArgs: (o) => [o.id, o.total],
      }),
    ),
    orders.to('untyped', workflowSink({ workflow: 'orderSaga', taskQueue: 'sagas', args: (o) => [o.id, 1, true] })),
    orders.to('erp', httpSink({ url: (o) => `https://erp.example/${o.id}`, headers: (o) => ({ country: o.country }) })),
  ],
})
