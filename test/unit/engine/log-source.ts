import { defineSource } from '../../../src/definition/define-source.js'
import type {
  OpenContext,
  PollLimits,
  Source,
  SourceBatch,
  SourceReader,
  SourceRecord,
} from '../../../src/definition/source.js'
import { Bell } from '../../../src/engine/bell.js'

/** A log of numbers that a test appends to, reads in batches of its choice, and breaks. */
export class LogSource {
  readonly records: SourceRecord<number>[] = []
  /** The position behind all that may be read; beyond the last record where there is a gap. */
  end = 0
  identity: string | undefined
  /** Records per poll. */
  batch = 100
  /** Polls at the end say that there is no more. */
  ends = false
  /** Retention has deleted what is below; a reader skips it and says so. */
  lostBelow = 0
  /** Each next poll or opening fails with one of these. */
  readonly pollErrors: Error[] = []
  readonly openErrors: Error[] = []
  readonly opened: OpenContext[] = []
  /** Decodes keys, where there is one. */
  decodeKey: ((key: Uint8Array | null) => unknown) | undefined
  readonly checkpointed: string[] = []
  closed = 0
  polls = 0
  private readonly bells = new Set<Bell>()

  /** One record each, at the next position. */
  append(...values: readonly number[]): void {
    for (const value of values) {
      const position = String(this.end++)
      const next = String(this.end)
      this.records.push({ position, next, key: Buffer.from(`key-${value}`), value, timestamp: value * 10 })
    }
    this.ring()
  }

  /** Positions without records, as compaction and aborted transactions leave them. */
  gap(positions: number): void {
    this.end += positions
    this.ring()
  }

  ring(): void {
    for (const bell of this.bells) bell.ring()
  }

  source(more: { readonly decode?: (value: number) => number | Promise<number> } = {}): Source<number> {
    const { decode = (value: number) => value } = more
    const { decodeKey } = this
    return defineSource<number, number>({
      ...(decodeKey !== undefined && { key: (record) => decodeKey(record.key) as never }),
      kind: 'log',
      replayable: true,
      partitions: async () => 1,
      bounds: async () => ({ start: '0', end: String(this.end) }),
      decode: (record) => decode(record.value),
      open: (ctx) => this.open(ctx),
    })
  }

  private async open(ctx: OpenContext): Promise<SourceReader<number>> {
    this.opened.push(ctx)
    const failure = this.openErrors.shift()
    if (failure !== undefined) throw failure
    const bell = new Bell()
    this.bells.add(bell)
    let at = Number(ctx.position)
    return {
      ...(this.identity !== undefined && { identity: this.identity }),
      poll: async (limits) => {
        const batch = await this.poll(at, limits, bell)
        at = Number(batch.next)
        return batch
      },
      checkpointed: async (position) => void this.checkpointed.push(position),
      close: async () => {
        this.bells.delete(bell)
        this.closed++
      },
    }
  }

  private async poll(at: number, { signal, maxWaitMs }: PollLimits, bell: Bell): Promise<SourceBatch<number>> {
    this.polls++
    if (at >= this.end && !this.ends && this.pollErrors.length === 0) {
      const wake = (): void => bell.ring()
      signal.addEventListener('abort', wake, { once: true })
      await bell.wait(maxWaitMs)
      signal.removeEventListener('abort', wake)
    }
    signal.throwIfAborted()
    const failure = this.pollErrors.shift()
    if (failure !== undefined) throw failure
    const from = Math.max(at, this.lostBelow)
    const records = this.records.filter(({ position }) => Number(position) >= from).slice(0, this.batch)
    const last = records.at(-1)
    const isAll = last === this.records.at(-1) || last === undefined
    const next = isAll ? this.end : Number(last.next)
    const skipped = from > at ? { skipped: { from: String(at), to: String(from) } } : {}
    const done = this.ends && next >= this.end ? { done: true } : {}
    return { records, next: String(next), lag: this.end - next, ...skipped, ...done }
  }
}
