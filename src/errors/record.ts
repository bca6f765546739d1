import type { Origin } from '../definition/sink.js'
import { RecordError } from './families.js'

/** Where a bad record was met. */
type RecordDetails = {
  readonly pipeline: string
  readonly stage: string
  readonly origin: Origin
  /** What went wrong, in one sentence. */
  readonly reason: string
}

function placeOf({ pipeline, stage, origin }: RecordDetails): string {
  return `${pipeline}/${stage}: record ${origin.position} of partition ${origin.partition} of source '${origin.source}'`
}

type StepDetails = RecordDetails & { readonly step: string }

type RejectDetails = StepDetails & {
  /** What the step gave to `ctx.reject` beside the reason. */
  readonly given?: Readonly<Record<string, unknown>>
}

/** A source's `decode` or `key` threw, or a tombstone came where the serde is not `nullable`. */
export class DecodeFailed extends RecordError<RecordDetails> {
  constructor(details: RecordDetails, cause?: unknown) {
    super('DecodeFailed', `${placeOf(details)} cannot be decoded: ${details.reason}`, details, cause)
  }
}

/** A step function threw, or a sink's `encode` did. */
export class StepFailed extends RecordError<StepDetails> {
  constructor(details: StepDetails, cause?: unknown) {
    super('StepFailed', `${placeOf(details)}: step '${details.step}' failed: ${details.reason}`, details, cause)
  }
}

/** A step called `ctx.reject`, or a sink refused the item; `step` is the step's or the sink's id. */
export class RecordRejected extends RecordError<RejectDetails> {
  constructor(details: RejectDetails, cause?: unknown) {
    super('RecordRejected', `${placeOf(details)} was rejected by '${details.step}': ${details.reason}`, details, cause)
  }
}

type KeyDetails = StepDetails & {
  /** Where the source's own partitioner puts the key. */
  readonly belongs: number
  readonly partitions: number
}

/** `keyBy` got a key whose other values are in another partition: state by it would be in two places. */
export class KeyNotInPartition extends RecordError<KeyDetails> {
  constructor(details: KeyDetails, cause?: unknown) {
    const said = `${placeOf(details)}: step '${details.step}' gave it a key that is not of this partition: ${details.reason}`
    super('KeyNotInPartition', said, details, cause)
  }
}

type TimeoutDetails = StepDetails & {
  readonly timeoutMs: number
  /** How many times it was called. */
  readonly attempts: number
}

/** The last call of an `asyncMap` took longer than its `timeout`. */
export class StepTimeout extends RecordError<TimeoutDetails> {
  constructor(details: TimeoutDetails, cause?: unknown) {
    super('StepTimeout', `${placeOf(details)}: step '${details.step}' timed out: ${details.reason}`, details, cause)
  }
}
