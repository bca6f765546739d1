import { setTimeout as delay } from 'node:timers/promises'
import type { Position } from '../definition/position.js'
import type { SourceBatch, SourceReader } from '../definition/source.js'
import { TidemarkError } from '../errors/base.js'
import { SourceUnavailable } from '../errors/source.js'
import type { Bell } from './bell.js'
import type { ByteBudget } from './byte-budget.js'

const MAX_RECORDS = 100_000
/** Twice as much, with four times as much ahead, took 5 to 12 % more CPU: docs/performance.md. */
const POLL_BYTES = 2 * 1024 * 1024
/** Below that many bytes in memory a task reads on: that bounds what it holds, so that one backlog doesn't take the whole budget. */
const TASK_BYTES = 2 * POLL_BYTES
const POLL_WAIT_MS = 5_000
const BACKOFF_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const

/** Opens a reader at a position. */
export type OpenReader = (position: Position) => Promise<SourceReader<unknown>>

/**
 * Reads ahead of the steps, also while a commit or a checkpoint is under way. Retryable failures are retried on a fresh
 * reader for ever and told as `trouble`; any other ends reading and is told as `failure`, after the records before it.
 */
export class Prefetch {
  /** The oldest batch not yet done with. */
  head: SourceBatch<unknown> | undefined
  failure: unknown
  trouble: TidemarkError | null = null
  private troubledSince = 0
  /** Records left behind the newest batch, as the source said. */
  lag: number | null = null
  /** It has been asked once, and has answered: `lag` says what it knows. */
  answered = false
  /** A bounded source has said its last. */
  done = false
  private readonly open: OpenReader
  private readonly place: { readonly pipeline: string; readonly source: string; readonly partition: number }
  private readonly bell: Bell
  private readonly budget: ByteBudget
  private readonly queue: SourceBatch<unknown>[] = []
  private held = 0
  private reader: SourceReader<unknown> | undefined
  private readonly stop = new AbortController()
  private readonly finished: Promise<void>

  constructor(options: {
    readonly open: OpenReader
    readonly reader: SourceReader<unknown>
    readonly position: Position
    readonly bell: Bell
    readonly budget: ByteBudget
    /** For errors. */
    readonly place: { readonly pipeline: string; readonly source: string; readonly partition: number }
  }) {
    this.open = options.open
    this.place = options.place
    this.reader = options.reader
    this.bell = options.bell
    this.budget = options.budget
    this.finished = this.read(options.position)
  }

  /** Done with `head`: the next batch takes its place. */
  shift(): void {
    if (this.head === undefined) return
    this.release(this.head)
    this.head = this.queue.shift()
  }

  /** Records in memory that no step has seen, those of `head` left out. */
  get queued(): number {
    return this.queue.reduce((sum, batch) => sum + batch.records.length, 0)
  }

  get troubledMs(): number {
    return this.trouble === null ? 0 : performance.now() - this.troubledSince
  }

  checkpointed(position: Position): void {
    // A hint to the source: its failure changes nothing here, the next one says the same or more.
    this.reader?.checkpointed?.(position).catch(() => undefined)
  }

  async close(): Promise<void> {
    this.stop.abort()
    await this.finished
    while (this.head !== undefined) this.shift()
  }

  private async read(from: Position): Promise<void> {
    const { signal } = this.stop
    let position = from
    let failures = 0
    while (!signal.aborted && !this.done) {
      await this.budget.until(() => this.hasRoom, signal)
      if (signal.aborted) break
      try {
        this.reader ??= await this.open(position)
        const limits = { maxRecords: MAX_RECORDS, maxBytes: POLL_BYTES, maxWaitMs: POLL_WAIT_MS, signal }
        const batch = await this.reader.poll(limits)
        failures = 0
        this.answered = true
        if (this.trouble !== null) this.bell.ring()
        this.trouble = null
        this.add(batch, position)
        position = batch.next
        // Whoever waits for it may go on without it.
        if (batch.records.length === 0) this.bell.ring()
      } catch (error) {
        if (signal.aborted) break
        await this.closeReader()
        if (!isRetryable(error)) {
          this.failure = error
          this.bell.ring()
          break
        }
        if (this.trouble === null) this.troubledSince = performance.now()
        this.trouble = error instanceof TidemarkError ? error : new SourceUnavailable(this.place, error)
        this.bell.ring()
        const pause = BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)]
        await delay(pause, undefined, { signal }).catch(() => undefined)
      }
    }
    await this.closeReader()
  }

  private get hasRoom(): boolean {
    return this.held === 0 || (this.held < TASK_BYTES && this.budget.available > 0)
  }

  private add(batch: SourceBatch<unknown>, position: Position): void {
    this.lag = batch.lag ?? null
    this.done = batch.done === true
    if (batch.records.length === 0 && batch.next === position && !this.done && batch.skipped === undefined) return
    const bytes = bytesOf(batch)
    this.held += bytes
    this.budget.take(bytes)
    if (this.head === undefined) this.head = batch
    else this.queue.push(batch)
    this.bell.ring()
  }

  private release(batch: SourceBatch<unknown>): void {
    const bytes = bytesOf(batch)
    this.held -= bytes
    this.budget.give(bytes)
  }

  private async closeReader(): Promise<void> {
    const { reader } = this
    this.reader = undefined
    // A reader that failed may fail to close as well; there is nothing left to learn from it.
    await reader?.close().catch(() => undefined)
  }
}

const bytesOf = (batch: SourceBatch<unknown>): number => batch.bytes ?? batch.records.length * 256 + 64

function isRetryable(error: unknown): boolean {
  return error instanceof TidemarkError ? error.retryable : true
}
