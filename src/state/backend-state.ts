import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SegmentStore } from '../definition/state-backend.js'
import type { StateChange } from '../protocol/checkpoint.js'
import type { EpochMs } from '../units.js'
import { type Blob, blobOf } from './blob.js'
import { keeping } from './keepable.js'
import { LogSegment } from './log-segment.js'
import { SegmentWriter } from './segment.js'
import { FULL_BYTES, type SegmentLog } from './segment-log.js'
import type { Shelf } from './shelf.js'
import type { StateKeeper } from './state-keeper.js'
import type { StepStates } from './step-states.js'
import { type LinkOptions, StoreLink } from './store-link.js'
import { sweep } from './sweep.js'

/** What a checkpoint may be left to store by itself, before compression. */
const REST_BYTES = 1024 * 1024
/** A segment that is begun beside processing holds at least that much, unless the last one was begun long ago. */
const LEAST_BYTES = 1024 * 1024
const LONG_AGO_MS = 1_000
/** Where that is less, segments hold this part of the state. */
const PART = 64
/** The event loop is not held for longer: beside processing, and where processing waits anyway. */
const BESIDE_MS = 4
const WAITING_MS = 10
/** Entries encoded between two looks at the clock, and bytes, about. */
const BATCH = 256
const BATCH_BYTES = 64 * 1024
/** How soon trouble is noticed by whoever doesn't wait for its end. */
const LOOK_MS = 100
/** Where only writers are too fast, a checkpoint is not put off for longer: they wait. */
const LATEST_MS = 10_000
/** What an entry is taken to have at least, lest a few small ones speak for all. */
const ENTRY_BYTES = 64
const LEAST_SWEEP_MS = 60_000

export interface BackendStateOptions extends LinkOptions {
  readonly states: StepStates
  /** What was restored. */
  readonly log: SegmentLog
  readonly store: SegmentStore
  /** Where values of the tables lie; null: in memory. Closed with this. */
  readonly shelf?: Shelf | null
  /** Of this session alone: segments with the same entries have different keys by that, and none is ever put anew. */
  readonly tag: string
  readonly retainMs: number
  /** Time of the epoch that is under way or was the last; 0: none was. */
  readonly time: () => EpochMs
  /** Of a segment, before compression; the last entry may go beyond. Default: 16 MiB. */
  readonly mostBytes?: number
}

interface Build {
  readonly writer: SegmentWriter
  readonly segment: LogSegment
  readonly mostBytes: number
}

/** State in a backend: a log of segments. Those it gets are stored beside processing, all but a rest. */
export class BackendState implements StateKeeper {
  private readonly options: BackendStateOptions
  private readonly link: StoreLink
  private readonly abort = new AbortController()
  private build: Build | null = null
  /** Resolves when what is being stored is stored, or this is closed. */
  private storing: Promise<void> | null = null
  private storingBytes = 0
  /** A value that can't be encoded. */
  private broken: unknown
  private begun = 0
  private entryBytes = ENTRY_BYTES
  private notReadySince: number | null = null
  private made = 0
  private sweptAt: EpochMs = 0
  private sweeping: Promise<void> | null = null

  constructor(options: BackendStateOptions) {
    this.options = options
    this.link = new StoreLink(options)
    options.log.fullBytes = options.mostBytes ?? FULL_BYTES
  }

  tend(): void {
    this.tendSweep()
    if (this.broken !== undefined || this.storing !== null) return
    if (this.build === null && !this.isDue) return
    this.encode(BESIDE_MS)
  }

  get ready(): boolean {
    if (this.trouble !== null) return false
    if (this.restBytes <= REST_BYTES) {
      this.notReadySince = null
      return true
    }
    this.notReadySince ??= performance.now()
    return performance.now() - this.notReadySince > LATEST_MS
  }

  get trouble(): Error | null {
    return this.link.trouble
  }

  /** It is about to delete what is needed no more. */
  get sweeps(): boolean {
    return this.sweeping !== null
  }

  async capture(signal: AbortSignal, patient = true): Promise<StateChange | undefined> {
    const { states, log } = this.options
    while (this.storing !== null || this.build !== null || states.changeCount > 0) {
      if (this.storing === null) {
        this.encode(WAITING_MS)
        await nextTurn()
      } else await this.settle(signal, patient)
      if (this.broken !== undefined) throw this.broken
    }
    const { dead, recorded } = log
    const dropped = keysOf(log.segments.slice(0, Math.min(dead, recorded)))
    if (dropped.length > 0) {
      this.storing = this.touch(dropped)
      await this.settle(signal, patient)
    }
    this.notReadySince = null
    if (dead === 0 && recorded === log.segments.length) return undefined
    log.drop(dead)
    const drop = Math.min(dead, recorded)
    const add = log.segments.slice(recorded - drop).flatMap(({ mark }) => mark ?? [])
    log.record()
    return { add, drop, versions: states.versions }
  }

  async close(): Promise<void> {
    this.abort.abort()
    this.link.close()
    // What is under way may end when it likes: nobody will name it.
    await Promise.all([this.options.store.close(), this.options.shelf?.close()])
  }

  /** About what is to be stored yet, before compression. */
  private get restBytes(): number {
    return this.options.states.changeCount * this.entryBytes + (this.build?.writer.bytes ?? 0) + this.storingBytes
  }

  private get mostBytes(): number {
    const { states, log } = this.options
    const part = (states.size * this.entryBytes) / PART
    return Math.min(log.fullBytes, Math.max(LEAST_BYTES, part))
  }

  private get isDue(): boolean {
    const bytes = this.options.states.changeCount * this.entryBytes
    return bytes > REST_BYTES && (bytes >= this.mostBytes || performance.now() - this.begun >= LONG_AGO_MS)
  }

  /** Some of what has changed goes into a segment; a full one, or the last for now, is on its way then. Never throws. */
  private encode(ms: number): void {
    const { states, log } = this.options
    const until = performance.now() + ms
    try {
      this.build ??= this.begin()
      const { writer, segment, mostBytes } = this.build
      do {
        const batch = Math.ceil(Math.min(BATCH, BATCH_BYTES / this.entryBytes))
        log.clean(batch, states.changeCount + segment.entries)
        keeping(this.options.task, () => states.take(batch, writer, segment))
        if (writer.bytes < mostBytes && states.changeCount > 0) continue
        this.build = null
        log.end(states.changeCount)
        segment.rawBytes = writer.bytes
        this.storingBytes = writer.bytes
        this.entryBytes = Math.max(ENTRY_BYTES, writer.bytes / Math.max(1, writer.entries))
        this.storing = this.store(writer.raw(), segment)
        return
      } while (performance.now() < until)
    } catch (error) {
      this.broken = error ?? new TypeError('a value of the state can not be encoded')
    }
  }

  private begin(): Build {
    const { states, log, tag } = this.options
    this.begun = performance.now()
    log.begin(states.changeCount)
    const writer = new SegmentWriter()
    writer.table(`~ ${tag} ${this.made++}`, 0)
    return { writer, segment: new LogSegment(), mostBytes: this.mostBytes }
  }

  private async store(raw: Uint8Array, segment: LogSegment): Promise<void> {
    const { log, store } = this.options
    let blob: Blob | undefined
    const stored = await this.link.until('write a segment', async () => {
      blob ??= await blobOf(raw)
      await store.put(blob.key, blob.bytes)
    })
    if (!stored || blob === undefined) return
    segment.bytes = blob.bytes.length
    segment.mark = { key: blob.key, bytes: segment.bytes }
    log.segments.push(segment)
    this.storing = null
    this.storingBytes = 0
  }

  /** What is dropped counts as young: before the checkpoint says so, which may be the last thing that this worker does. */
  private async touch(keys: readonly string[]): Promise<void> {
    if (await this.link.until('touch segments', () => this.options.store.touch(keys))) this.storing = null
  }

  /** Until nothing is being stored. */
  private async settle(signal: AbortSignal, patient: boolean): Promise<void> {
    while (this.storing !== null) {
      const { trouble } = this
      if (signal.aborted || this.abort.signal.aborted || (trouble !== null && !patient)) {
        throw trouble ?? this.link.unavailable('write a segment', undefined, 'it was not given the time')
      }
      await this.glance(this.storing, signal)
    }
  }

  /** Waits for `work`, but not for long. */
  private glance(work: Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        this.abort.signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, LOOK_MS)
      signal.addEventListener('abort', end, { once: true })
      this.abort.signal.addEventListener('abort', end, { once: true })
      void work.then(end)
    })
  }

  private tendSweep(): void {
    const { time, retainMs } = this.options
    const now = time()
    if (this.sweeping !== null || now === 0 || this.abort.signal.aborted) return
    if (now - this.sweptAt < Math.max(LEAST_SWEEP_MS, retainMs / 10)) return
    this.sweptAt = now
    this.sweeping = this.sweep(now - retainMs).finally(() => {
      this.sweeping = null
    })
  }

  private async sweep(before: EpochMs): Promise<void> {
    const { log, store, warn } = this.options
    const keys = new Set(keysOf(log.segments))
    try {
      await sweep(store, before, (key) => keys.has(key), this.abort.signal)
    } catch (error) {
      // Another one follows.
      if (!this.abort.signal.aborted) warn(this.link.unavailable('delete old segments', error).message)
    }
  }
}

const keysOf = (segments: readonly LogSegment[]): string[] =>
  segments.flatMap(({ mark }) => (mark !== null && 'key' in mark ? [mark.key] : []))
