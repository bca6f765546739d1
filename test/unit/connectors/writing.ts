import { noHeaders } from '../../../src/definition/headers.js'
import type { IdempotentSink, IdempotentWriter, Item, Output, SinkContext } from '../../../src/definition/sink.js'

const base = { pipeline: 'orders', stage: 'main', partition: 3 }

/** An output as the engine makes it: value `n` of the record at `position`. */
export function outputOf<T>(value: T, position: number, more: Partial<Output<T>> = {}): Output<T> {
  return {
    value,
    key: null,
    timestamp: 1_000,
    headers: noHeaders,
    origin: { source: 'orders', partition: 3, position: String(position) },
    id: `orders/main/orders-3-${position}-0`,
    ...more,
  }
}

/** The items of those values, as the engine hands them over. */
export function itemsOf<T, W>(sink: IdempotentSink<T, W>, ...values: readonly T[]): Item<W>[] {
  return values.map((value, position) => {
    const output = outputOf(value, position)
    return { id: output.id, sink: 'out', data: sink.encode(output) }
  })
}

/** Opens a sink without a ledger as a task's claim does. */
export function openSink<T, W>(
  sink: IdempotentSink<T, W>,
  connection: SinkContext['connection'] = noConnection,
  generation = 1,
): Promise<IdempotentWriter<W>> {
  return sink.open({
    ...base,
    owner: { generation, incarnation: 1, claim: 1, runId: 'run' },
    ledgerKey: 'default/orders/main/3/out',
    sinks: ['out'],
    signal: new AbortController().signal,
    connection,
    reject: () => {
      throw new Error('rejected')
    },
  })
}

const noConnection = (): never => {
  throw new Error('no connection is asked for')
}
