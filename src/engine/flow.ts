import { type Headers, noHeaders } from '../definition/headers.js'
import type { Positions } from '../definition/position.js'
import type { Origin, Output } from '../definition/sink.js'
import type { Sender, SourceDefinition, SourceRecord } from '../definition/source.js'
import { reasonOf } from '../errors/base.js'
import { DecodeFailed, RecordRejected } from '../errors/record.js'
import type { StepFlow } from '../steps/step.js'
import type { EpochMs } from '../units.js'

/** Where a task reads: names it for ids, errors and random numbers. */
export interface FlowPlace {
  readonly pipeline: string
  readonly stage: string
  readonly source: string
  readonly partition: number
}

/**
 * The one context object of a task, moved from record to record: steps see it as `ctx`. What few steps ask for (key,
 * origin, random) is made when asked.
 */
export class Flow implements StepFlow {
  place: FlowPlace
  /** Of a task with several sources: where the others stand while records of this one are under way. */
  others: Positions | null = null
  record!: SourceRecord<unknown>
  typedKey: unknown
  eventTime: EpochMs | undefined
  watermark: EpochMs | undefined
  /** In ids of outputs, before their number: tells what no record gave from what one did. */
  prefix = ''
  private text: string | null | undefined
  now: EpochMs = 0
  /** The epoch's seed. */
  seed = ''
  private keyOf: SourceDefinition<unknown, unknown, unknown>['key']
  private recordKey: unknown
  private keyed: SourceRecord<unknown> | undefined
  private drawn: SourceRecord<unknown> | undefined
  /** Which numbers of the record's: '' but behind a step that was waited for. */
  private salt = ''
  private state = 0

  /** Id of the step whose code runs. */
  private readonly stepName: () => string

  constructor(place: FlowPlace, keyOf: SourceDefinition<unknown, unknown, unknown>['key'], stepName: () => string) {
    this.place = place
    this.stepName = stepName
    this.keyOf = keyOf
  }

  /** Records of that source come next. */
  from(place: FlowPlace, keyOf: SourceDefinition<unknown, unknown, unknown>['key'], others: Positions | null): void {
    this.place = place
    this.keyOf = keyOf
    this.others = others
  }

  /** Goes (back) to a record, at a place of its steps that `salt` names: from there on `random` begins anew. */
  enter(record: SourceRecord<unknown>, salt: string): void {
    this.begin(record)
    this.salt = salt
    this.drawn = undefined
  }

  /** The typed key of the stream, or the raw bytes of an unkeyed one. */
  get key(): never {
    if (this.typedKey !== undefined) return this.typedKey as never
    if (this.keyed !== this.record) {
      this.recordKey = this.keyOf === undefined ? this.record.key : this.decodeKey(this.keyOf)
      this.keyed = this.record
    }
    // `KeyOf<unknown>` can't be told from here; the builder's types are what users see.
    return this.recordKey as never
  }

  /** Its failure is the source's, whichever step asks first. */
  private decodeKey(keyOf: NonNullable<typeof this.keyOf>): unknown {
    try {
      return keyOf(this.record)
    } catch (error) {
      const { pipeline, stage } = this.place
      throw new DecodeFailed({ pipeline, stage, origin: this.origin, reason: reasonOf(error) }, error)
    }
  }

  /** The next record: nothing of the one before it stays. */
  begin(record: SourceRecord<unknown>): void {
    this.record = record
    this.salt = ''
    this.typedKey = undefined
    this.eventTime = undefined
    this.text = undefined
  }

  get keyText(): string | null {
    if (this.text === undefined) {
      const { key } = this.record
      this.text = key === null ? null : Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
    }
    return this.text ?? null
  }

  set keyText(text: string | null) {
    this.text = text
  }

  get sender(): Sender | undefined {
    return this.record.sender
  }

  get timestamp(): EpochMs {
    return this.eventTime ?? this.record.timestamp ?? this.now
  }

  get headers(): Headers {
    return this.record.headers ?? noHeaders
  }

  get origin(): Origin {
    return { source: this.place.source, partition: this.place.partition, position: this.record.position }
  }

  /** Mulberry32, seeded by epoch and record: the same numbers on every attempt, whatever the fetches were. */
  random(): number {
    if (this.drawn !== this.record) {
      const { source, partition } = this.place
      this.state = hashText(`${this.seed}/${source}/${partition}/${this.record.position}${this.salt}`)
      this.drawn = this.record
    }
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  reject(reason: string, details?: Readonly<Record<string, unknown>>): never {
    const { pipeline, stage } = this.place
    const rejected = { pipeline, stage, origin: this.origin, step: this.stepName(), reason }
    throw new RecordRejected(details === undefined ? rejected : { ...rejected, given: details })
  }
}

/** FNV-1a over UTF-16 code units: spreads seeds, nothing more. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash | 0
}

/** One value on its way to a sink. Lives as long as its item: what is asked for later is read from the record. */
export class RecordOutput implements Output<unknown> {
  readonly value: unknown
  readonly place: FlowPlace
  readonly others: Positions | null
  readonly record: SourceRecord<unknown>
  /** Which of its record's outputs to its sink. */
  readonly index: number | string
  readonly now: EpochMs
  /** Where they aren't the record's. */
  readonly typedKey: unknown
  readonly keyText: string | null
  readonly eventTime: EpochMs | undefined
  readonly watermark: EpochMs | undefined

  constructor(
    value: unknown,
    flow: Pick<Flow, 'place' | 'others' | 'record' | 'now' | 'typedKey' | 'keyText' | 'eventTime' | 'watermark'>,
    index: number | string,
  ) {
    this.value = value
    this.typedKey = flow.typedKey
    this.keyText = flow.typedKey === undefined ? null : flow.keyText
    this.eventTime = flow.eventTime
    this.watermark = flow.watermark
    this.place = flow.place
    this.others = flow.others
    this.record = flow.record
    this.now = flow.now
    this.index = index
  }

  get key(): Uint8Array | null {
    if (this.typedKey === undefined) return this.record.key
    return this.keyText === null ? null : Buffer.from(this.keyText, 'latin1')
  }

  get timestamp(): EpochMs {
    return this.eventTime ?? this.record.timestamp ?? this.now
  }

  get headers(): Headers {
    return this.record.headers ?? noHeaders
  }

  get origin(): Origin {
    return { source: this.place.source, partition: this.place.partition, position: this.record.position }
  }

  /** Where its task stood before its record. */
  get before(): Positions {
    return { ...this.others, [this.place.source]: this.record.position }
  }

  /** This format is what targets dedupe by: never change it. */
  get id(): string {
    const { pipeline, stage, source, partition } = this.place
    return `${pipeline}/${stage}/${source}-${partition}-${this.record.position}-${this.index}`
  }
}
