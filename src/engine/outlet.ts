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
  readonly tag: number

  constructor(sink: string, tag: number, data: unknown, output: RecordOutput) {
    this.sink = sink
    this.tag = tag
    this.data = data
    this.output = output
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
  private items: OutputItem[] = []
  private sealed = 0

  constructor(sinks: readonly OutletSink[]) {
    this.sinks = sinks
  }

  /** The end of the step graph for one of this outlet's sinks. */
  pushFor(sink: OutletSink, at: Int32Array, index: number): Push {
    const { encode } = sink.sink
    let record: SourceRecord<unknown> | undefined
    let nth = 0
    return (value, ctx) => {
      const flow = ctx as Flow
      at[0] = index
      if (record === flow.record) nth++
      else {
        record = flow.record
        nth = 0
      }
      const output = new RecordOutput(value, flow, nth)
      this.items.push(new OutputItem(sink.id, sink.tag, encode(output), output))
    }
  }

  /** Takes back what `record` has offered: it turned out bad. */
  rollback(record: SourceRecord<unknown>): void {
    while (this.items.length > this.sealed && this.items.at(-1)?.output.record === record) this.items.pop()
  }

  /** Everything offered so far is final: digest it, and drop it if it is muted. */
  seal(): void {
    const { items } = this
    if (this.sealed === items.length) return
    for (let i = this.sealed; i < items.length; i++) {
      const item = items[i]
      if (item === undefined) continue
      const bytes = this.bytesOf(item)
      this.digest.update(bytes, item.tag)
      this.bytes += bytes.length
    }
    this.offered += items.length - this.sealed
    this.sealed = items.length
    if (this.phase !== 'muted') return
    items.length = 0
    this.sealed = 0
    this.bytes = 0
  }

  /** Hands over what is sealed. */
  take(): readonly OutputItem[] {
    const taken = this.items
    this.items = taken.splice(this.sealed)
    this.sealed = 0
    this.bytes = 0
    return taken
  }

  get hasSealed(): boolean {
    return this.sealed > 0
  }

  private bytesOf(item: OutputItem): Uint8Array {
    const sink = this.sinks.length === 1 ? this.sinks[0] : this.sinks.find((s) => s.id === item.sink)
    const digest = sink?.sink.digest
    if (digest !== undefined) return digest(item.data)
    if (item.data instanceof Uint8Array) return item.data
    return Buffer.from(typeof item.data === 'string' ? item.data : JSON.stringify(item.data))
  }
}
