import { type Details, reasonOf } from './base.js'
import { SourceError } from './families.js'

/** Which source, and where in it. `topic` and `partition` where there is one. */
export interface SourcePlace extends Details {
  readonly pipeline: string
  /** The source's id in the pipeline's `sources`. */
  readonly source: string
  readonly topic?: string
  readonly partition?: number
}

/** `partition 3 of topic flights (source flights of pipeline delays)` */
function named({ pipeline, source, topic, partition }: SourcePlace): string {
  const owner = `source ${source} of pipeline ${pipeline}`
  const part = partition === undefined ? '' : `partition ${partition} of `
  return topic === undefined ? `${part}${owner}` : `${part}topic ${topic} (${owner})`
}

export interface SourceUnavailableDetails extends SourcePlace {
  /** Milliseconds for which it was tried. */
  readonly forMs?: number
}

/** Connection, leader change, time-out. Retried with backoff. */
export class SourceUnavailable extends SourceError<SourceUnavailableDetails> {
  constructor(details: SourceUnavailableDetails, cause?: unknown) {
    const tried = details.forMs === undefined ? '' : ` after ${(details.forMs / 1000).toFixed(1)} s of trying`
    const why = cause === undefined ? 'no reason given' : reasonOf(cause)
    super('SourceUnavailable', `cannot read ${named(details)}${tried}: ${why}`, details, cause)
  }
}

export interface SourceUnauthorizedDetails extends SourcePlace {
  /** What to grant: `read topic flights`, `authenticate`. */
  readonly operation: string
}

/** Authentication failed, or a right is missing. */
export class SourceUnauthorized extends SourceError<SourceUnauthorizedDetails> {
  constructor(details: SourceUnauthorizedDetails, cause?: unknown) {
    const why = cause === undefined ? '' : `: ${reasonOf(cause)}`
    super('SourceUnauthorized', `${named(details)}: not allowed to ${details.operation}${why}`, details, cause)
  }
}

export interface SourceUnsupportedDetails extends SourcePlace {
  /** As in "needs …": `Fetch version 13`. */
  readonly needed: string
  readonly found: string
}

/** The server is too old, or lacks something that reading exactly once needs. */
export class SourceUnsupported extends SourceError<SourceUnsupportedDetails> {
  constructor(details: SourceUnsupportedDetails, cause?: unknown) {
    const { needed, found } = details
    super('SourceUnsupported', `${named(details)} needs ${needed}; found ${found}`, details, cause)
  }
}

export interface PositionLostDetails extends SourcePlace {
  /** The position asked for. */
  readonly position: string
  /** The first position that still exists. */
  readonly earliest: string
  /** The position after the last one that exists. */
  readonly end: string
  /** Positions that can't be read any more: `to` is the next after them. */
  readonly lost: { readonly from: string; readonly to: string }
}

/** The position asked for is out of range: retention deleted it, or the log was truncated. */
export class PositionLost extends SourceError<PositionLostDetails> {
  constructor(details: PositionLostDetails, cause?: unknown) {
    const { position, earliest, end, lost } = details
    const what =
      lost.from === position
        ? 'was deleted before it was read'
        : 'is beyond the end: the log was truncated or made anew'
    const range = `lost ${lost.from} up to ${lost.to}, left ${earliest} up to ${end}`
    super('PositionLost', `${named(details)}: position ${position} ${what}; ${range}`, details, cause)
  }
}

export interface PartitionsLostDetails extends SourcePlace {
  /** How many there were, where that is known. */
  readonly known?: number
  /** How many there are now; 0: the source itself is gone. */
  readonly found: number
}

/** Deleted, or made anew with fewer partitions, or never there. */
export class PartitionsLost extends SourceError<PartitionsLostDetails> {
  constructor(details: PartitionsLostDetails, cause?: unknown) {
    const { known, found } = details
    const now = found === 0 ? 'does not exist' : `has ${found} partition${found === 1 ? '' : 's'}`
    const before = known === undefined ? '' : `, and had ${known}`
    super('PartitionsLost', `${named(details)}: it ${now}${before}`, details, cause)
  }
}

export interface PartitionCountMismatchDetails extends SourcePlace {
  /** As many as the definition asks for, or the largest topic before it has. */
  readonly needed: number
  readonly found: number
}

/** The topic behind a `repartition` has another number of partitions than it must: keys would not be where they were. */
export class PartitionCountMismatch extends SourceError<PartitionCountMismatchDetails> {
  constructor(details: PartitionCountMismatchDetails, cause?: unknown) {
    const { needed, found } = details
    super(
      'PartitionCountMismatch',
      `${named(details)} has ${found} partitions, and must have ${needed}`,
      details,
      cause,
    )
  }
}

export interface CorruptBatchDetails extends SourcePlace {
  /** The first position of the batch. */
  readonly position: string
  readonly reason: string
}

/** Stored bytes can't be read: checksum, framing, unknown codec or format. */
export class CorruptBatch extends SourceError<CorruptBatchDetails> {
  constructor(details: CorruptBatchDetails, cause?: unknown) {
    const { position, reason } = details
    super('CorruptBatch', `${named(details)}: the batch at position ${position} ${reason}`, details, cause)
  }
}

export interface SourceChangedDetails extends SourcePlace {
  /** Where reading stood. */
  readonly position: string
  /** As in "was …": `topic id 4f…`, `position 17 there`. */
  readonly was: string
  readonly is: string
}

/** What is to be read (again) is no longer what it was: made anew under the same name, or partly deleted (PROTOCOL §3.6). */
export class SourceChanged extends SourceError<SourceChangedDetails> {
  constructor(details: SourceChangedDetails, cause?: unknown) {
    const { position, was, is } = details
    super(
      'SourceChanged',
      `${named(details)} has changed at position ${position}: was ${was}, is ${is}`,
      details,
      cause,
    )
  }
}
