import type { AbortedTransaction } from '../../../../src/connectors/kafka/protocol/fetch.js'
import type { KafkaRecord } from '../../../../src/connectors/kafka/record.js'
import { RecordSet } from '../../../../src/connectors/kafka/record-set.js'

export interface ReadOptions {
  readonly from?: number
  readonly committed?: boolean
  readonly lastStableOffset?: number
  readonly aborted?: readonly AbortedTransaction[]
  readonly maxRecords?: number
  readonly maxBytes?: number
}

/** Reads all of `bytes`, in pieces of at most `maxRecords` and `maxBytes`. */
export function readSet(bytes: Buffer, options: ReadOptions = {}): { records: KafkaRecord[]; next: number } {
  const { maxRecords = Infinity, maxBytes = Infinity } = options
  const set = new RecordSet(bytes, {
    place: { pipeline: 'delays', source: 'flights', topic: 'flights', partition: 3 },
    from: 0,
    committed: true,
    lastStableOffset: -1,
    aborted: [],
    ...options,
  })
  const records: KafkaRecord[] = []
  while (!set.done) {
    const piece: KafkaRecord[] = []
    set.read(piece, maxRecords, maxBytes)
    records.push(...piece)
  }
  return { records, next: set.next }
}

/** `offset:value` of each record. */
export function valuesOf(records: readonly KafkaRecord[]): string[] {
  return records.map(({ offset, value }) => `${offset}:${value === null ? 'null' : Buffer.from(value).toString()}`)
}
