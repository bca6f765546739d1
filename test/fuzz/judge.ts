import type { KafkaRecord } from '../../src/connectors/kafka/record.js'
import { RecordSet } from '../../src/connectors/kafka/record-set.js'
import { isTidemarkError } from '../../src/errors/is.js'
import { type PlainAnswer, type PlainRecord, plainRead, type Question } from './plain-decoder.js'

export interface Pieces {
  readonly maxRecords: number
  readonly maxBytes: number
}

/** `stricter`: refused by the decoder alone, because of what its codec says of compressed bytes. */
export type Outcome = 'read' | 'refused' | 'stricter'

/** A batch that is read wrongly, refused without a reason, or fails otherwise than with CorruptBatch. */
export class WrongAnswer extends Error {}

const place = { pipeline: 'fuzz', source: 'fuzz', topic: 'fuzz', partition: 0 }

/** Reads `bytes` with the decoder and plainly. Throws a WrongAnswer where the decoder is wrong. */
export function judge(bytes: Buffer, question: Question, { maxRecords, maxBytes }: Pieces): Outcome {
  const right = plainRead(bytes, question)
  const records: KafkaRecord[] = []
  const set = new RecordSet(bytes, { place, ...question })
  let refused: string | null = null
  try {
    while (!set.done) {
      const count = records.length
      const piece: KafkaRecord[] = []
      set.read(piece, maxRecords, maxBytes)
      for (const record of piece) records.push(record)
      requireSame(records, count, right)
    }
  } catch (error) {
    if (!isTidemarkError(error, 'CorruptBatch')) throw error
    refused = error.details.reason
  }
  if (refused === null) {
    if (right.refused !== null) throw new WrongAnswer(`it was read, though it holds ${right.refused}`)
    if (records.length !== right.records.length)
      throw new WrongAnswer(`${records.length} of ${right.records.length} records`)
    if (set.next !== right.next) throw new WrongAnswer(`it ends at ${set.next}, not at ${right.next}`)
    return 'read'
  }
  if (right.refused !== null) return 'refused'
  // With a codec the plain reader leaves out some checks, as of a checksum within the frame.
  if (!compressed(bytes)) throw new WrongAnswer(`it was refused for no reason: ${refused}`)
  return 'stricter'
}

/** The records from `from` on must be what is right. */
function requireSame(records: readonly KafkaRecord[], from: number, right: PlainAnswer): void {
  for (let at = from; at < records.length; at++) {
    const [record, due] = [records[at]!, right.records[at]]
    if (due === undefined) throw new WrongAnswer(`a record too many, at offset ${record.offset}: ${right.refused}`)
    if (!same(record, due)) throw new WrongAnswer(`another record at ${record.offset} than is due at ${due.offset}`)
  }
}

function same(record: KafkaRecord, due: PlainRecord): boolean {
  const headers = [...record.headers]
  return (
    record.offset === due.offset &&
    record.position === String(due.offset) &&
    record.next === String(due.offset + 1) &&
    sameTime(record.timestamp, due) &&
    sameBytes(record.key, due.key) &&
    sameBytes(record.value, due.value) &&
    headers.length === due.headers.length &&
    headers.every(([name, value], i) => name === due.headers[i]![0] && sameBytes(value, due.headers[i]![1]))
  )
}

/** Nobody's times are beyond what a number can say exactly, in the year 287396. */
function sameTime(time: number, { timestamp, exactTime }: PlainRecord): boolean {
  return exactTime ? time === Number(timestamp) : !Number.isNaN(time)
}

function sameBytes(bytes: Uint8Array | null, due: Uint8Array | null): boolean {
  return bytes === null || due === null ? bytes === due : Buffer.compare(bytes, due) === 0
}

function compressed(bytes: Buffer): boolean {
  for (let at = 0; at + 23 <= bytes.length; at += 12 + Math.max(1, bytes.readInt32BE(at + 8))) {
    if ((bytes[at + 22]! & 7) !== 0) return true
  }
  return false
}
