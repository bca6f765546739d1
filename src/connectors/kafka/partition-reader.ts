import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PollLimits, SourceBatch, SourceReader } from '../../definition/source.js'
import { CorruptBatch, PositionLost, SourceChanged } from '../../errors/source.js'
import { failureOfCode } from './failure.js'
import type { KafkaConnection } from './kafka-connection.js'
import { Patience, persist } from './patience.js'
import { meaningOf } from './protocol/error-codes.js'
import { fetchRequest } from './protocol/fetch.js'
import { EARLIEST, LATEST } from './protocol/list-offsets.js'
import type { KafkaRecord } from './record.js'
import { RecordSet } from './record-set.js'
import { type Leader, listOffset, openLeader, type PartitionPlace } from './topic-leader.js'

/** Milliseconds of decoding after which other work of the process gets its turn. */
const TURN_MS = 10
/** What a request can say. */
const MAX_INT32 = 2 ** 31 - 1

export interface ReaderOptions {
  readonly connection: KafkaConnection
  readonly place: PartitionPlace
  /** The next offset to read. */
  readonly position: number
  readonly committed: boolean
  /** Go on behind records that retention has deleted, and report them as skipped. */
  readonly skipLost: boolean
  /** Below this offset nothing is skipped: it is read again for what was made of it before. */
  readonly strictUntil: number
}

type Raw = Uint8Array | null

/**
 * Reads one partition from its leader over one connection of its own, without a consumer group. Lost connections and
 * moved leaders are waited out, as far as patience goes; what was fetched before is delivered meanwhile.
 */
export class PartitionReader implements SourceReader<Raw> {
  /** The topic id: another one means that the topic was made anew. */
  readonly identity: string
  private readonly options: ReaderOptions
  private readonly patience: Patience
  private readonly ended: AbortController
  private leader: Leader | null
  /** Fetched, and not all delivered. */
  private fetched: RecordSet | null = null
  private position: number
  private highWatermark = 0
  /** Bytes that a fetch must be allowed to bring, since its first batch is that large. */
  private leastBytes = 1
  private skipped: { readonly from: string; readonly to: string } | null = null
  /** Thrown at the next poll: what was read before is delivered first. */
  private failure: unknown = null

  private constructor(options: ReaderOptions, leader: Leader, ended: AbortController) {
    this.options = options
    this.patience = new Patience(options.place)
    this.ended = ended
    this.leader = leader
    this.identity = leader.topicId
    this.position = options.position
  }

  /** Connects, and checks that the position still exists. `signal` counts until this has settled. */
  static async open(options: ReaderOptions, signal: AbortSignal): Promise<PartitionReader> {
    signal.throwIfAborted()
    const ended = new AbortController()
    const abort = (): void => ended.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const { connection, place, position } = options
    try {
      return await persist(place, ended.signal, async () => {
        const leader = await openLeader(connection, place, ended.signal)
        try {
          const reader = new PartitionReader(options, leader, ended)
          const earliest = await listOffset(leader, place, { timestamp: EARLIEST, committed: false })
          if (position < earliest) await reader.skipTo(earliest, leader)
          await reader.requireUntruncated(leader)
          return reader
        } catch (error) {
          leader.link.destroy()
          throw error
        }
      })
    } catch (error) {
      ended.abort(error)
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async poll(limits: PollLimits): Promise<SourceBatch<Raw>> {
    const abort = (): void => this.ended.abort(limits.signal.reason)
    if (limits.signal.aborted) abort()
    limits.signal.addEventListener('abort', abort, { once: true })
    try {
      return await this.next(limits)
    } finally {
      limits.signal.removeEventListener('abort', abort)
    }
  }

  close(): Promise<void> {
    this.ended.abort(new Error('the reader was closed'))
    this.leader?.link.destroy()
    return Promise.resolve()
  }

  private async next(limits: PollLimits): Promise<SourceBatch<Raw>> {
    const { signal } = this.ended
    const deadline = performance.now() + limits.maxWaitMs
    for (;;) {
      signal.throwIfAborted()
      if (this.failure !== null) throw this.failure
      if (this.skipped !== null) return this.batch([], 0)
      if (this.fetched !== null && !this.fetched.done) return await this.deliver(this.fetched, limits)
      const holdMs = Math.max(0, Math.round(deadline - performance.now()))
      this.patience.begin(holdMs)
      try {
        const set = await this.fetch(holdMs, limits.maxBytes)
        this.patience.reset()
        this.fetched = set
        if (set === null || set.missing > 0) continue // moved on, or to be fetched again with more room
        if (set.done) return this.batch([], 0)
      } catch (error) {
        signal.throwIfAborted()
        this.leader?.link.destroy()
        this.leader = null
        await this.patience.wait(error, signal, deadline)
        if (performance.now() >= deadline) return this.batch([], 0)
      }
    }
  }

  /** One fetch; null where it has moved the position instead. */
  private async fetch(maxWaitMs: number, maxBytes: number): Promise<RecordSet | null> {
    const { place, committed } = this.options
    const leader = (this.leader ??= await this.findLeader())
    const answer = await leader.link.send(
      fetchRequest({
        topicId: leader.topicId,
        partition: place.partition,
        leaderEpoch: leader.epoch,
        offset: this.position,
        committed,
        maxWaitMs,
        maxBytes: Math.min(Math.max(maxBytes, this.leastBytes), MAX_INT32),
      }),
      maxWaitMs,
    )
    if (answer.errorCode !== 0) {
      const { means, name } = meaningOf(answer.errorCode)
      if (means === 'corrupt')
        throw new CorruptBatch({
          ...place,
          position: String(this.position),
          reason: `is refused by the broker: ${name}`,
        })
      if (means !== 'out of range') throw failureOfCode(answer.errorCode, `read topic ${place.topic}`, place)
      const earliest = await listOffset(leader, place, { timestamp: EARLIEST, committed: false })
      await this.skipTo(earliest, leader)
      return null
    }
    this.highWatermark = answer.highWatermark
    const set = new RecordSet(answer.records, {
      place,
      from: this.position,
      committed,
      lastStableOffset: answer.lastStableOffset,
      aborted: answer.aborted,
    })
    this.requireWhole(set)
    return set
  }

  /** A broker brings the first batch whole, however large; one that didn't is asked once more, with room for it. */
  private requireWhole({ missing }: RecordSet): void {
    if (missing > 0 && missing <= this.leastBytes)
      throw new CorruptBatch({
        ...this.options.place,
        position: String(this.position),
        reason: `comes cut off, though ${missing} bytes were asked for`,
      })
    this.leastBytes = Math.max(1, missing)
  }

  private async findLeader(): Promise<Leader> {
    const { connection, place } = this.options
    const leader = await openLeader(connection, place, this.ended.signal)
    if (leader.topicId === this.identity) return leader
    leader.link.destroy()
    throw new SourceChanged({
      ...place,
      position: String(this.position),
      was: `topic id ${this.identity}`,
      is: `topic id ${leader.topicId}: the topic was deleted and made anew`,
    })
  }

  /** What is to be read again must still be there: a log that was cut off would be waited for instead. */
  private async requireUntruncated(leader: Leader): Promise<void> {
    const { place, position, strictUntil } = this.options
    if (position >= strictUntil) return
    const end = await listOffset(leader, place, { timestamp: LATEST, committed: false })
    if (end >= strictUntil) return
    throw new SourceChanged({
      ...place,
      position: String(position),
      was: `records from ${position} to ${strictUntil}, to be read again`,
      is: `a log that ends at ${end}: the others were cut off`,
    })
  }

  /** Goes on at `earliest` where that is allowed, else throws what was lost. */
  private async skipTo(earliest: number, leader: Leader): Promise<void> {
    const { place, skipLost, strictUntil } = this.options
    const { position } = this
    const end = await listOffset(leader, place, { timestamp: LATEST, committed: false })
    const lost = position < earliest ? { from: position, to: earliest } : { from: end, to: position }
    const details = { ...place, position: String(position), earliest: String(earliest), end: String(end) }
    if (position >= earliest)
      throw position > end
        ? new PositionLost({ ...details, lost: { from: String(lost.from), to: String(lost.to) } })
        : failureOfCode(1, `read topic ${place.topic} at ${position}`, place) // the log has grown meanwhile: once more
    if (position < strictUntil)
      throw new SourceChanged({
        ...place,
        position: String(position),
        was: `records from ${position} to ${strictUntil}, to be read again`,
        is: `records from ${earliest} on: the others were deleted`,
      })
    if (!skipLost) throw new PositionLost({ ...details, lost: { from: String(lost.from), to: String(lost.to) } })
    this.position = earliest
    this.skipped = { from: String(lost.from), to: String(lost.to) }
  }

  private async deliver(set: RecordSet, { maxRecords, maxBytes }: PollLimits): Promise<SourceBatch<Raw>> {
    const records: KafkaRecord[] = []
    let bytes = 0
    let turn = performance.now()
    while (!set.done && records.length < maxRecords && bytes < maxBytes) {
      const count = records.length
      try {
        bytes += set.read(records, maxRecords, maxBytes - bytes)
      } catch (error) {
        records.length = count
        if (set.next === this.position) throw error
        this.failure = error
        break
      }
      if (performance.now() - turn < TURN_MS) continue
      await nextTurn()
      this.ended.signal.throwIfAborted()
      turn = performance.now()
    }
    this.position = set.next
    return this.batch(records, bytes)
  }

  private batch(records: readonly KafkaRecord[], bytes: number): SourceBatch<Raw> {
    const { skipped, position } = this
    this.skipped = null
    return {
      records,
      next: String(position),
      lag: Math.max(0, this.highWatermark - position),
      bytes,
      ...(skipped === null ? {} : { skipped }),
    }
  }
}
