import type { Item, SinkDefinition } from '../definition/sink.js'
import type { SourceRecord } from '../definition/source.js'
import type { Push } from '../steps/step.js'
import { ChainedDigest } from './digest.js'
import { type Flow, RecordOutput } from './flow.js'

/** One encoded output. `id` is made only if somebody asks. */
export class OutputItem implements Item<unknown> {
  readonly sink: string
  readonly data: unknown
  readonly output: RecordOutput
  /** What the digest runs over; null once it has, and where there is none. */
  bytes: Uint8Array | null
  /** Its sink has refused it: digested, and not written. */
  refused = false
  /** Its ledger has committed up to behind it. */
  passed = false
  /** False for rejection letters: they stay outside the digest (PROTOCOL §5). */
  readonly chained: boolean

  private readonly to: OutletSink

  constructor(to: OutletSink, data: unknown, output: RecordOutput, chained?: 'unchained') {
    this.chained = chained === undefined
    this.sink = to.id
    this.to = to
    this.data = data
    this.output = output
    // Without a ledger there is nothing to compare a digest with.
    this.bytes = to.sink.mode === 'transactional' ? this.toBytes() : null
  }

  /** What the digest runs over. */
  toBytes(): Uint8Array {
    const { digest = plainBytes } = this.to.sink
    return digest(this.data)
  }

  get mode(): 'transactional' | 'idempotent' {
    return this.to.sink.mode
  }

  get tag(): number {
    return this.to.tag
  }

  get id(): string {
    return this.output.id
  }
}

/** A sink as an outlet serves it. */
export interface OutletSink {
  readonly id: string
  readonly sink: SinkDefinition<unknown, unknown>
  /** Its number in the stage's order: what the digest tells it by, and what `at[0]` is set to while it encodes. */
  readonly tag: number
}

/**
 * muted: outputs are already in the ledger and only feed the digest · held: nothing is sent before all digests have
 * matched · live.
 */
export type OutletPhase = 'muted' | 'held' | 'live'

/**
 * Gathers the outputs of one ledger (or of one sink without a ledger) between processing and writing. Outputs of the
 * record under way can be taken back; those of finished records are sealed: digested, in order, exactly once.
 */
export class Outlet {
  readonly sinks: readonly OutletSink[]
  phase: OutletPhase = 'live'
  digest = new ChainedDigest()
  /** Outputs offered in this epoch, muted ones included: no checkpoint has counted them before. */
  offered = 0
  /** Bytes of what is sealed and not yet handed to the writer. */
  bytes = 0
  /** Bytes of batches that waiting outputs keep in memory: each refers to its record, and that to its batch. */
  pinned = 0
  /** What an earlier attempt saw refused: offered again, it is dropped. */
  obeyed: ((item: OutputItem) => boolean) | null = null
  private items: OutputItem[] = []
  private sealed = 0
  private rollbacks = 0

  constructor(sinks: readonly OutletSink[]) {
    this.sinks = sinks
  }

  /** The end of the step graph for one of this outlet's sinks. */
  pushFor(sink: OutletSink, at: Int32Array, index: number): Push {
    const { encode } = sink.sink
    let record: SourceRecord<unknown> | undefined
    let nth = 0
    let rollbacks = 0
    return (value, ctx) => {
      const flow = ctx as Flow
      at[0] = index
      if (record === flow.record && rollbacks === this.rollbacks) nth++
      else {
        record = flow.record
        rollbacks = this.rollbacks
        nth = 0
      }
      const output = new RecordOutput(value, flow, flow.prefix === '' ? nth : `${flow.prefix}${nth}`)
      // With its bytes, so that data without any makes the record bad and not the epoch.
      this.items.push(new OutputItem(sink, encode(output), output))
    }
  }

  /** Takes back what `record` has offered: it turned out bad, or is to come again. */
  rollback(record: SourceRecord<unknown>): void {
    this.rollbacks++
    while (this.items.length > this.sealed && this.items.at(-1)?.output.record === record) this.items.pop()
  }

  /** Everything offered so far is final: digest it, and drop it if it is muted. */
  seal(): void {
    const { items } = this
    if (this.sealed === items.length) return
    for (let i = this.sealed; i < items.length; i++) {
      const item = items[i]
      if (item === undefined) continue
      if (this.obeyed?.(item) === true) {
        item.refused = true
        item.passed = this.phase === 'muted'
      }
      if (item.bytes === null) continue
      this.digest.update(item.bytes, item.tag)
      this.bytes += item.bytes.length
      item.bytes = null
    }
    this.offered += items.length - this.sealed
    this.sealed = items.length
    if (this.phase !== 'muted') return
    items.length = 0
    this.sealed = 0
    this.bytes = 0
  }

  /** A rejection letter, between two records: sealed as it is. */
  slip(letter: OutputItem): void {
    this.seal()
    this.bytes += letter.bytes?.length ?? 0
    letter.bytes = null
    this.items.push(letter)
    this.sealed++
  }

  /** A batch of so many bytes is done with. */
  pin(bytes: number): void {
    if (this.items.length > 0) this.pinned += bytes
  }

  /** Hands over what is sealed. */
  take(): readonly OutputItem[] {
    const taken = this.items
    this.items = taken.splice(this.sealed)
    this.sealed = 0
    this.bytes = 0
    this.pinned = 0
    return taken
  }

  /** Outputs that have not been handed over, those of the record under way included. */
  get gathered(): number {
    return this.items.length
  }

  get hasSealed(): boolean {
    return this.sealed > 0
  }
}

/** What a digest runs over where its sink doesn't say. Throws a `TypeError` for what has no JSON. */
export function plainBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  const text: unknown = typeof data === 'string' ? data : JSON.stringify(data)
  if (typeof text === 'string') return Buffer.from(text)
  throw new TypeError(`encoded to a value of type ${typeof data}, which has no JSON: give the sink a digest function`)
}
