/** Joins: what must compile, with the types that must come out, and what must not. Compiled, never run. */
import { expectTypeOf } from 'vitest'
import { kafkaSink, kafkaSource } from '../../src/connectors/kafka/index.js'
import {
  definePipeline,
  json,
  nullable as nullableSerde,
  table,
  text,
  type EventTime,
  type JoinedStream,
  type Stream,
  type Table,
} from '../../src/index.js'
import { Click, Order } from './models.js'

type O = { readonly id: string; readonly total: number }
type P = { readonly amount: number }
declare const orders: Stream<O, string, EventTime>
declare const payments: Stream<P, string, EventTime>
declare const byNumber: Stream<P, number, EventTime>
declare const untimed: Stream<P, string>

const inner = orders.join('i', payments, { within: '4h' }, (order, payment, ctx) => {
  expectTypeOf(order).toEqualTypeOf<O>()
  expectTypeOf(payment).toEqualTypeOf<P>()
  expectTypeOf(ctx.key).toEqualTypeOf<string>()
  return { ...order, paid: payment.amount }
})
expectTypeOf(inner).toEqualTypeOf<JoinedStream<O, P, string, { paid: number; id: string; total: number }>>()
expectTypeOf(inner.late.left).toEqualTypeOf<Stream<O, string, EventTime>>()
expectTypeOf(inner.late.right).toEqualTypeOf<Stream<P, string, EventTime>>()

const left = orders.join('l', payments, { how: 'left', within: { before: '1h', after: 5 } }, (order, payment) => {
  expectTypeOf(order).toEqualTypeOf<O>()
  expectTypeOf(payment).toEqualTypeOf<P | undefined>()
  return payment?.amount ?? 0
})
expectTypeOf(left).toEqualTypeOf<JoinedStream<O, P, string, number>>()

orders.join('o', payments, { how: 'outer', within: '4h', grace: '1m' }, (order, payment) => {
  expectTypeOf(order).toEqualTypeOf<O | undefined>()
  expectTypeOf(payment).toEqualTypeOf<P | undefined>()
  return 0
})

// @ts-expect-error of a left join the right value may be missing
orders.join('a', payments, { how: 'left', within: '4h' }, (order, payment) => payment.amount)
// @ts-expect-error keys of two types never meet
orders.join('b', byNumber, { within: '4h' }, (order, payment) => payment.amount)
// @ts-expect-error the other stream has no event time
orders.join('c', untimed, { within: '4h' }, (order, payment) => payment.amount)
// @ts-expect-error nor has this one
untimed.join('d', payments, { within: '4h' }, () => 0)
// @ts-expect-error no such join
orders.join('e', payments, { how: 'right', within: '4h' }, () => 0)
// @ts-expect-error how far apart is not said
orders.join('f', payments, {}, () => 0)
// @ts-expect-error a promise would reach the sink
orders.join('g', payments, { within: '4h' }, async (order) => order.id)

definePipeline({
  name: 'unkeyed-join',
  sources: {
    orders: kafkaSource({ topic: 'orders', value: json(Order) }),
    clicks: kafkaSource({ topic: 'clicks', key: text(), value: json(Click) }),
  },
  steps: (s) =>
    s.orders
      .eventTime('at', (o) => o.at, { maxDisorder: '1m' })
      // @ts-expect-error a join on a stream without a key
      .join(
        'j',
        s.clicks.eventTime('clicked', (c) => c.at, { maxDisorder: '1m' }),
        { within: '1h' },
        () => 0,
      )
      .to('o', kafkaSink({ topic: 't' })),
})

const customers = table(kafkaSource({ topic: 'customers', key: text(), value: json(Order) }))
const nullable = table(kafkaSource({ topic: 'customers', key: text(), value: nullableSerde(json(Order)) }))
type Row = { id: string; customerId: string; total: number; at: number; country: 'DE' | 'FR' }
export const withTable = definePipeline({
  name: 'with-table',
  sources: { clicks: kafkaSource({ topic: 'clicks', key: text(), value: json(Click) }), customers, nullable },
  steps: (s) => {
    expectTypeOf(s.customers).toEqualTypeOf<Table<Row, string>>()
    expectTypeOf(s.nullable).toEqualTypeOf<Table<Row, string>>()
    // @ts-expect-error a table is no stream
    s.customers.map('m', (c) => c)
    return s.clicks
      .joinTable('inner', s.customers, {}, (click, row) => {
        expectTypeOf(row).toEqualTypeOf<Row>()
        return { ...click, country: row.country }
      })
      .joinTable('left', s.nullable, { how: 'left' }, (click, row) => {
        expectTypeOf(row).toEqualTypeOf<Row | undefined>()
        return { page: click.page, country: row?.country ?? 'none' }
      })
      .to('out', kafkaSink({ topic: 't' }))
  },
})
expectTypeOf<(typeof withTable)['~pipeline']['sinks']['out']>().toEqualTypeOf<{
  page: string
  country: string
}>()
// @ts-expect-error a table needs a key
table(kafkaSource({ topic: 'customers', value: json(Order) }))
declare const byNumberTable: Table<Row, number>
// @ts-expect-error keys of two types never meet
orders.joinTable('t', byNumberTable, {}, () => 0)
// @ts-expect-error a stream is no table
orders.joinTable('u', payments, {}, () => 0)
