import { setTimeout as delay } from 'node:timers/promises'
import type { IdempotentWriter, WriteResult } from '../definition/sink.js'
import { reasonOf, TidemarkError } from '../errors/base.js'
import { RecordRejected } from '../errors/record.js'
import { SinkUnavailable, SinkUnauthorized } from '../errors/sink.js'
import type { Judge } from './ledger.js'
import { Outlet, type OutletSink, type OutputItem } from './outlet.js'
import { RefusedItem } from './refused-item.js'

/**
 * Items that are handed over at once: few at first, twice as many after each time that was quick, half as many after one
 * that was slow. A target that takes seconds for each must not keep an epoch beyond its time-out: it would come again.
 */
const FIRST_ITEMS = 16
const MOST_ITEMS = 1_000
const QUICK_MS = 1_000
const SLOW_MS = 10_000
/** Few items may keep much in memory that was read: each refers to its record, and that to its batch. */
const HAND_OVER_PINNED = 4 * 1024 * 1024
const RETRY_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const
/** After that many tries the epoch ends as failed: it comes again, with the same ids, after the task's own pause. */
const TRIES = 8

/** A sink without a ledger: written again from the checkpoint after a failure, always with the same ids. */
export class Emitter extends Outlet {
  readonly id: string
  private readonly writer: IdempotentWriter<unknown>
  private readonly at: { readonly pipeline: string; readonly stage: string; readonly partition: number }
  private readonly judge: Judge | undefined
  private readonly refused: RefusedItem
  private waiting: OutputItem[] = []
  private waitingPinned = 0
  private capacity = FIRST_ITEMS

  constructor(
    sink: OutletSink,
    writer: IdempotentWriter<unknown>,
    at: { readonly pipeline: string; readonly stage: string; readonly partition: number },
    parts?: { readonly refused: RefusedItem; readonly judge: Judge },
  ) {
    super([sink])
    this.id = sink.id
    this.writer = writer
    this.at = at
    this.judge = parts?.judge
    this.refused = parts?.refused ?? new RefusedItem()
  }

  /** Outputs that the target may still refuse. */
  get unsettled(): number {
    return this.waiting.length + this.gathered
  }

  /** It is time to hand over. */
  get isFull(): boolean {
    return this.unsettled >= this.capacity
  }

  async relieve(signal: AbortSignal): Promise<void> {
    if (this.phase !== 'live') return
    this.waitingPinned += this.pinned
    for (const item of this.take()) this.waiting.push(item)
    if (this.isFull || this.waitingPinned >= HAND_OVER_PINNED) await this.settle(signal)
  }

  /**
   * Resolves once every output offered so far is durable at the target, or refused and its record dealt with: a checkpoint
   * waits for it.
   */
  async settle(signal: AbortSignal): Promise<void> {
    let items = [...this.waiting, ...this.take()].filter((item) => !item.refused)
    this.waiting = []
    this.waitingPinned = 0
    const began = performance.now()
    const whole = items.length >= this.capacity
    for (let attempt = 0; items.length > 0; attempt++) {
      const { failed: all } = await this.write(items, signal, attempt)
      const failed = all.filter((item) => item.retryable)
      this.refuse(
        items,
        all.filter((item) => !item.retryable),
      )
      if (failed.length === 0) return this.learn(performance.now() - began, whole)
      const again = new Set(failed.map((item) => item.id))
      const before = items.length
      items = items.filter((item) => again.has(item.id))
      if (this.refused.latest !== null) {
        // The others have not failed: they were only not written.
        attempt = -1
        continue
      }
      // It gets on: a service that takes so many at a time, and then asks for a pause, takes all of them in the end.
      if (items.length < before) attempt = 0
      if (attempt + 1 >= TRIES) throw new SinkUnavailable(this.doing(`write ${failed.length} items`), failed[0]?.error)
      await delay(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)], undefined, { signal })
    }
  }

  async close(): Promise<void> {
    await this.writer.close()
  }

  private learn(ms: number, whole: boolean): void {
    if (ms > SLOW_MS) this.capacity = Math.max(1, this.capacity >> 1)
    else if (whole && ms < QUICK_MS) this.capacity = Math.min(2 * this.capacity, MOST_ITEMS)
  }

  private refuse(items: readonly OutputItem[], failed: WriteResult['failed']): void {
    if (failed.length === 0) return
    const byId = new Map(items.map((item) => [item.id, item]))
    for (const { id, error } of failed) {
      const item = byId.get(id)
      if (item === undefined || this.judge === undefined) {
        throw new SinkUnauthorized(this.doing(`write item ${id}`), error)
      }
      if (this.judge.refuse(item, reasonOf(error), error)) continue
      const { place, origin } = item.output
      const reason = `${reasonOf(error)}; and more of this epoch is refused than a receipt can list`
      throw new RecordRejected({ pipeline: place.pipeline, stage: place.stage, origin, step: this.id, reason }, error)
    }
  }

  /** A rejection says that all items have failed. */
  private async write(items: readonly OutputItem[], signal: AbortSignal, attempt: number): Promise<WriteResult> {
    this.refused.clear()
    try {
      const result = await this.writer.write(items, signal)
      this.refused.clear()
      return result
    } catch (error) {
      signal.throwIfAborted()
      const refused = this.refused.among(items)
      const reason = error instanceof Error ? error : new Error(String(error))
      if (refused !== undefined) {
        const why = new Error(this.refused.latest?.reason, { cause: error })
        return { failed: items.map((item) => ({ id: item.id, error: why, retryable: item !== refused })) }
      }
      // What has a name already, and says that a person has to mend something, says so at once and as it is.
      const named = error instanceof TidemarkError ? error : null
      const retryable = this.sinks[0]?.sink.isRetryable?.(error) ?? named?.retryable ?? true
      if (!retryable) throw named ?? new SinkUnauthorized(this.doing(`write ${items.length} items`), error)
      if (attempt + 1 >= TRIES) throw new SinkUnavailable(this.doing(`write ${items.length} items`), error)
      return { failed: items.map(({ id }) => ({ id, error: reason, retryable: true })) }
    }
  }

  private doing(doing: string): ConstructorParameters<typeof SinkUnavailable>[0] {
    return { ...this.at, sink: this.id, target: this.sinks[0]?.sink.describe ?? this.id, doing }
  }
}
