import type { LogSegment } from './log-segment.js'

/** More than twice the live state is tolerated by so much. */
export const SLACK_BYTES = 1024 * 1024
/** Before compression. */
export const FULL_BYTES = 16 * 1024 * 1024
/** Checkpoints name every segment: from so many on that are not half full, the oldest are rewritten however much of them is live. */
export const MANY = 256
/** Then in so many parts of all entries. */
const PARTS = 128

/** What cleaning may mark for a checkpoint at least, and per entry that has changed by itself. */
const LEAST = 256
const PER_CHANGE = 2

/**
 * The segments that together are the state, oldest first: a log. It is kept small by taking what is live in the oldest as
 * changed, so that newer segments have it too, and the oldest is needed no more.
 */
export class SegmentLog {
  /** What checkpoints name, and behind it what the next one will. */
  readonly segments: LogSegment[] = []
  /** So many of them are in the last checkpoint. */
  recorded = 0
  /** What a full one has, before compression. */
  fullBytes = FULL_BYTES
  private credit = 0
  /** For the next checkpoint nothing has been granted yet. */
  private isNew = true
  /** Changes that the last segment has left. */
  private left = 0

  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Stored bytes of what is live. */
  get liveBytes(): number {
    return this.segments.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
  }

  get entries(): number {
    return this.segments.reduce((sum, { entries }) => sum + entries, 0)
  }

  /** So many of the oldest have nothing that is live. What is gone is gone without them, too. */
  get dead(): number {
    const first = this.segments.findIndex(({ live }) => live > 0)
    return first === -1 ? this.segments.length : first
  }

  /**
   * A segment is begun, with so many changed entries: cleaning may add to them in proportion. What it has added itself, and
   * what the one before has left, counts once: else a checkpoint could go on for ever.
   */
  begin(changes: number): void {
    if (this.isNew) {
      const many = this.slight > MANY ? this.entries / PARTS : 0
      this.credit = Math.ceil(Math.max(LEAST + PER_CHANGE * changes, many))
      this.isNew = false
    } else this.credit += PER_CHANGE * Math.max(0, changes - this.left)
  }

  /** A segment is complete, and so many changed entries are left for others. */
  end(changes: number): void {
    this.left = changes
  }

  /** A checkpoint names all there are. */
  record(): void {
    this.recorded = this.segments.length
    this.isNew = true
  }

  /** Marks up to `most` live entries of the oldest segment as changed, where the log has grown too large. */
  clean(most: number, changes: number): void {
    for (let left = Math.min(most, this.credit); left > 0 && this.isLarge(changes);) {
      const oldest = this.segments[this.dead]
      if (oldest === undefined) return
      const marked = oldest.vacate(left)
      if (marked === 0) return
      left -= marked
      this.credit -= marked
    }
  }

  /** The oldest `count` are in no further checkpoint. */
  drop(count: number): readonly LogSegment[] {
    return this.segments.splice(0, count)
  }

  /** So many are not half full. */
  private get slight(): number {
    const { segments, dead, fullBytes } = this
    return segments.slice(dead).reduce((sum, { rawBytes }) => sum + (rawBytes < fullBytes / 2 ? 1 : 0), 0)
  }

  /** As it will be when what has changed is stored, too. */
  private isLarge(changes: number): boolean {
    const { dead, segments, entries, bytes } = this
    if (this.slight > MANY) return true
    const more = entries === 0 ? 0 : (changes * bytes) / entries
    const total = segments.slice(dead).reduce((sum, segment) => sum + segment.bytes, more)
    return total > 2 * (this.liveBytes + more) + SLACK_BYTES
  }
}
