/** Keys, event time, windows and state: what must compile, with the types that must come out. Compiled, never run. */
import { expectTypeOf } from 'vitest'
import { kafkaSink, kafkaSource } from '../../src/connectors/kafka/index.js'
import {
  aggregate,
  average,
  collect,
  combine,
  count,
  definePipeline,
  hopping,
  json,
  max,
  reduce,
  session,
  sliding,
  sum,
  text,
  tumbling,
  type EventTime,
  type Sink,
  type StateHandle,
  type Stream,
  type Windowed,
} from '../../src/index.js'
import { Click, Flight, Order } from './models.js'

declare const numberSink: Sink<number>
declare const rows: Sink<{ flights: number; average: number; worst: number; airport: string; day: Date }>

export const delaysByAirport = definePipeline({
  name: 'delays-by-airport',
  sources: { flights: kafkaSource({ topic: 'flights', key: text(), value: json(Flight) }) },
  steps: ({ flights }) => {
    const perDay = flights
      .eventTime('departure', (f) => f.date, { maxDisorder: '10m', idleAfter: '1m' })
      .window(
        'per-day',
        tumbling('1d'),
        combine({ flights: count(), average: average((f) => f.delay), worst: max((f) => f.delay) }),
        { grace: '1h' },
      )
    return [
      perDay.map('row', (w) => ({ airport: w.key, day: new Date(w.start), ...w.value })).to('delays', rows),
      perDay.late.to('late', kafkaSink({ topic: 'flights-late' })),
    ]
  },
})
expectTypeOf<(typeof delaysByAirport)['~pipeline']['sinks']['delays']>().toEqualTypeOf<{
  flights: number
  average: number
  worst: number
  airport: string
  day: Date
}>()
expectTypeOf<(typeof delaysByAirport)['~pipeline']['sinks']['late']['delay']>().toEqualTypeOf<number>()

export const visits = definePipeline({
  name: 'visits',
  sources: { clicks: kafkaSource({ topic: 'clicks', key: text(), value: json(Click) }) },
  steps: ({ clicks }) =>
    clicks
      .eventTime('clicked', (c) => c.at, { maxDisorder: '30s' })
      .window(
        'visit',
        session('30m'),
        aggregate({
          init: () => ({ pages: 0, last: '' }),
          add: (visit, click) => ({ pages: visit.pages + 1, last: click.page }),
          merge: (a, b) => ({ pages: a.pages + b.pages, last: b.last }),
          result: (visit) => visit,
        }),
        { emit: 'final' },
      )
      .filter('engaged', (w) => w.value.pages > 3)
      .to('visits', kafkaSink({ topic: 'visits', key: (w) => w.key })),
})
expectTypeOf<(typeof visits)['~pipeline']['sinks']['visits']>().toEqualTypeOf<
  Windowed<string, { pages: number; last: string }>
>()

export const velocity = definePipeline({
  name: 'velocity',
  sources: { orders: kafkaSource({ topic: 'orders', key: text(), value: json(Order) }) },
  steps: ({ orders }) =>
    orders
      .eventTime('ordered', (o) => o.at, { maxDisorder: '5s' })
      .stateful('burst', {
        init: () => ({ orders: 0, total: 0 }),
        onRecord: (order, state, ctx) => {
          const { orders: before, total } = state.get()
          state.set({ orders: before + 1, total: total + order.total })
          if (before === 0) ctx.timers.atEventTime('quiet', ctx.timestamp + 60_000)
          return before >= 5 ? [{ customer: ctx.key, kind: 'burst' as const, total }] : []
        },
        onTimer: (state, ctx) => {
          expectTypeOf(state).toEqualTypeOf<StateHandle<{ orders: number; total: number }>>()
          expectTypeOf(ctx.timer.clock).toEqualTypeOf<'event' | 'processing'>()
          state.clear()
          return [{ customer: ctx.key, kind: 'quiet' as const, total: 0 }]
        },
        state: { ttl: '1d', version: 1 },
      })
      .to('alerts', kafkaSink({ topic: 'alerts', key: (a) => a.customer })),
})
expectTypeOf<(typeof velocity)['~pipeline']['sinks']['alerts']['kind']>().toEqualTypeOf<'burst' | 'quiet'>()

export const assorted = definePipeline({
  name: 'assorted',
  sources: { s: kafkaSource({ topic: 'orders', key: text(), value: json(Order) }) },
  steps: ({ s }) => {
    const timed = s.eventTime('t', (o) => new Date(o.at), { maxDisorder: 1 })
    expectTypeOf(timed).toEqualTypeOf<Stream<Order, string, EventTime>>()
    const hops = timed.window('hops', hopping('1h', { every: '5m' }), collect(), { emit: 'updates' })
    expectTypeOf(hops.late).toEqualTypeOf<Stream<Order, string, EventTime>>()
    return [
      s
        .aggregate(
          'total',
          sum((o) => o.total),
        )
        .to('totals', numberSink),
      s.count('n', { ttl: '30d' }).to('counts', numberSink),
      hops.map('sum', (w) => w.value.length + (w.value[0]?.total ?? 0)).to('hops-out', numberSink),
      timed
        .window(
          'slides',
          sliding('10m'),
          reduce((a, b) => (a.total > b.total ? a : b)),
        )
        .window(
          'of-windows',
          tumbling('1d'),
          max((w) => w.value.total),
        )
        .map('most', (w) => w.value)
        .to('slides-out', numberSink),
      s
        .dedupe('once', { by: (o) => o.id, within: '1h' })
        .keyBy('by-customer', (o) => o.customerId.length, { key: numberSerde, alreadyPartitioned: true })
        .reduce('most-of-all', (a, b) => (a.total > b.total ? a : b))
        .map('key', (_, ctx) => {
          expectTypeOf(ctx.key).toEqualTypeOf<number>()
          return ctx.key
        })
        .to('keys', numberSink),
    ]
  },
})
type Order = ReturnType<(typeof Order)['parse']>
declare const numberSerde: { encode(value: number): Uint8Array; decode(bytes: Uint8Array): number }

/** A stream goes where one of less is asked for. */
const idsOf = (s: Stream<{ readonly id: string }, string>): Stream<string, string> => s.map('ids', ({ id }) => id)
export const ids = definePipeline({
  name: 'ids',
  sources: { s: kafkaSource({ topic: 'orders', key: text(), value: json(Order) }) },
  steps: ({ s }) => idsOf(s).to('out', kafkaSink({ topic: 'ids' })),
})

/** Another key, another stage: the new key's type, the type that the value serde reads, and event time as it was. */
definePipeline({
  name: 'repartitioned',
  sources: { orders: kafkaSource({ topic: 'orders', value: json(Order) }) },
  steps: ({ orders }) => {
    const by = { key: text(), value: json(Order) }
    const untimed = orders.repartition('by-customer', (o, ctx) => (void ctx.now, o.customerId), by)
    expectTypeOf(untimed).toEqualTypeOf<Stream<Order, string>>()
    const timed = orders.eventTime('time', (o) => o.at, { maxDisorder: 0 }).repartition('by-id', (o) => o.id, by)
    expectTypeOf(timed).toEqualTypeOf<Stream<Order, string, EventTime>>()
    return [
      untimed.count('n').to('n', numberSink),
      timed.window('w', tumbling('1h'), count()).to('w', kafkaSink({ topic: 'w' })),
    ]
  },
})

type Delayed = { readonly delay: number }
declare const delayed: Stream<Delayed, string, EventTime>
/** Outside a pipeline: its parts' functions say what comes in. */
const outside = combine({ flights: count(), worst: max((f: Delayed) => f.delay) })
expectTypeOf(delayed.window('outside', tumbling('1d'), outside).map('value', (w) => w.value)).toEqualTypeOf<
  Stream<{ flights: number; worst: number }, string, EventTime>
>()
const further = combine({ far: sum((f: { readonly distance: number }) => f.distance), worst: outside })
declare const far: Stream<Delayed & { readonly distance: number }, string, EventTime>
far.aggregate('further', further)
// @ts-expect-error these have no distance
delayed.aggregate('no-distance', further)
