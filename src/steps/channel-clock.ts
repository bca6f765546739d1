import type { Sender } from '../definition/source.js'
import type { StateTable, TableOptions } from '../state/table.js'
import type { EpochMs } from '../units.js'
import { leastOfAll, type MovingClock } from './stage-time.js'

/** What is known of one task of the stage before. */
export interface KnownSender {
  /** Event time has come so far there; null: it has not said yet. */
  readonly watermark: EpochMs | null
  /** Time of the epoch in which it was last heard of, or expected first. */
  readonly heard: EpochMs
  /** Not heard of for so long that nobody waits for it. */
  readonly idle: boolean
}

/** Event time has come as far as each task knew; one that some still heard of is awake. */
export const sendersMove: TableOptions<KnownSender> = {
  moves: {
    by: 'task',
    merge(values) {
      const known = values.filter((value) => value !== undefined)
      const least = leastOfAll(values.map((value) => value?.watermark ?? undefined))
      const heard = Math.max(...known.map((one) => one.heard))
      return { watermark: least ?? null, heard, idle: known.every(({ idle }) => idle) }
    },
  },
}

export const clockMoves: TableOptions<number> = {
  moves: {
    by: 'task',
    merge(values, key) {
      if (key === '') return leastOfAll(values)
      const known = values.filter((value) => value !== undefined)
      return (key === 'senders' || key === 'fewer') && known.length > 0 ? Math.max(...known) : undefined
    },
  },
}

/**
 * The clock of a stage behind a `repartition`: the least of what the tasks before it have said, those left out that are
 * idle; where all are, the latest, after twice that time. It never goes back. Tasks that have said nothing yet are waited for like others.
 */
export class ChannelClock implements MovingClock {
  /** By partition of the task. */
  private readonly known: StateTable<KnownSender>
  /** Under '': how far it has come. Under 'senders': how many there are. Under 'silent': since when all are. Under 'fewer': some are waited for no longer, since then. */
  private readonly own: StateTable<number>
  private readonly idleAfterMs: number | null
  private readonly ended: () => boolean
  private readonly pending = new Map<string, KnownSender>()
  private silentAt: EpochMs | null = null

  constructor(
    tables: { readonly known: StateTable<KnownSender>; readonly own: StateTable<number> },
    idleAfterMs: number | null,
    ended: () => boolean,
  ) {
    this.known = tables.known
    this.own = tables.own
    this.idleAfterMs = idleAfterMs
    this.ended = ended
  }

  get watermark(): EpochMs {
    return this.ended() ? Infinity : (this.own.get('') ?? -Infinity)
  }

  /** A record has come from there. True if there is something to note behind it. */
  hear({ partition, watermark }: Sender, now: EpochMs): boolean {
    const key = String(partition)
    const before = this.known.get(key)
    if (before !== undefined && !before.idle && before.heard === now && (before.watermark ?? -Infinity) >= watermark)
      return false
    this.pending.set(key, { watermark: Math.max(before?.watermark ?? -Infinity, watermark), heard: now, idle: false })
    return true
  }

  /** The record under way is through. */
  move(): void {
    // One that is ahead of others moves nothing.
    let counts = this.silentAt !== null
    for (const [key, sender] of this.pending) {
      const before = this.known.get(key)
      counts ||=
        before === undefined || before.idle || (before.watermark ?? -Infinity) <= (this.own.get('') ?? -Infinity)
      this.known.set(key, sender)
    }
    if (this.own.get('fewer') !== undefined) {
      this.own.delete('fewer')
      counts = true
    }
    if (this.silentAt !== null) this.passOver(this.silentAt)
    if (this.pending.size > 0 && this.own.get('silent') !== undefined) this.own.delete('silent')
    this.forget()
    if (counts) this.settle()
  }

  forget(): void {
    this.pending.clear()
    this.silentAt = null
  }

  /**
   * There are so many senders. In the middle of an epoch nothing may change by that: another attempt might not know it.
   * So that is told right before an epoch's first record where none are known yet, else right before its checkpoint.
   * `anew`: nothing has been read in this generation, so there may be fewer than in the one before.
   */
  expect(senders: number, now: EpochMs, anew = false): void {
    const before = this.own.get('senders') ?? 0
    if (anew && senders < before) this.lose(senders, now)
    if (senders <= before) return
    this.own.set('senders', senders)
    for (let partition = 0; partition < senders; partition++) {
      const key = String(partition)
      if (this.known.get(key) === undefined) this.known.set(key, { watermark: null, heard: now, idle: false })
    }
  }

  /** Those behind the first `senders` will say nothing any more. Time moves by that when the next record is through. */
  private lose(senders: number, now: EpochMs): void {
    this.own.set('senders', senders)
    this.own.set('fewer', now)
    const gone = [...this.known.keys()].filter((key) => Number(key) >= senders)
    for (const key of gone) this.known.delete(key)
  }

  get expects(): boolean {
    return this.own.get('senders') !== undefined
  }

  /** When the next sender has been silent for too long; null: never. */
  get due(): EpochMs | null {
    if (this.idleAfterMs === null) return null
    let least = Infinity
    for (const key of this.known.keys()) {
      const sender = this.known.get(key)
      if (sender !== undefined && !sender.idle) least = Math.min(least, sender.heard + this.idleAfterMs)
    }
    return Number.isFinite(least) ? least : null
  }

  /** An epoch begins: those that have been silent for too long are waited for no longer, from the next `move` on. */
  begin(now: EpochMs): void {
    this.silentAt = now
  }

  private passOver(now: EpochMs): void {
    const { idleAfterMs } = this
    if (idleAfterMs === null) return
    const awake = [...this.known.keys()].flatMap((key) => {
      const sender = this.known.get(key)
      return sender === undefined || sender.idle ? [] : [{ key, sender }]
    })
    const silent = awake.filter(({ sender }) => now - sender.heard >= idleAfterMs)
    // All at once: it may be this task that stood still, and what they have said meanwhile is about to be read.
    const doubted = silent.length > 0 && silent.length === awake.length && this.own.get('silent') === undefined
    if (doubted) this.own.set('silent', now)
    for (const { key, sender } of silent)
      this.known.set(key, doubted ? { ...sender, heard: now } : { ...sender, idle: true })
  }

  private settle(): void {
    if (!this.expects) return
    let least = Infinity
    let latest = -Infinity
    for (const key of this.known.keys()) {
      const sender = this.known.get(key)
      if (sender === undefined) continue
      const watermark = sender.watermark ?? -Infinity
      if (!sender.idle) least = Math.min(least, watermark)
      latest = Math.max(latest, watermark)
    }
    const now = least === Infinity ? latest : least
    if (Number.isFinite(now) && now > (this.own.get('') ?? -Infinity)) this.own.set('', now)
  }
}
