import type { ValueStore } from '../definition/state-store.js'

/** What waits to be written, at most, before it is. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Of a value that waits, beside its own. */
const OWN_BYTES = 200

/** Encoded values that are not in memory. Each has a number of its own, which is free again when it is dropped. */
export class Shelf {
  private readonly store: ValueStore
  private readonly failed: (doing: string, cause: unknown) => Error
  private readonly batchBytes: number
  private readonly waiting = new Map<number, Uint8Array>()
  private waitingBytes = 0
  /** Numbers of values that were dropped: those that the store may still have, and the others. */
  private dropped: number[] = []
  private readonly free: number[] = []
  private next = 0
  private closing: Promise<void> | undefined

  /** `failed`: what is thrown where the store fails; whoever makes it ends the session. */
  constructor(store: ValueStore, failed: (doing: string, cause: unknown) => Error) {
    this.store = store
    this.failed = failed
    this.batchBytes = store.batchBytes ?? BATCH_BYTES
  }

  /** Its number. */
  put(bytes: Uint8Array): number {
    const at = this.dropped.pop() ?? this.free.pop() ?? this.next++
    // A codec may use its bytes again, and part of a segment would hold all of it in memory.
    this.waiting.set(at, Buffer.from(bytes))
    this.waitingBytes += bytes.length + OWN_BYTES
    if (this.waitingBytes >= this.batchBytes) this.write()
    return at
  }

  get(at: number): Uint8Array {
    const waiting = this.waiting.get(at)
    if (waiting !== undefined) return waiting
    try {
      const bytes = this.closing === undefined ? this.store.get(at) : undefined
      if (bytes === undefined) throw new RangeError(this.closing === undefined ? 'it is gone' : 'it is closed')
      return bytes
    } catch (error) {
      throw this.failed('read a value', error)
    }
  }

  /** Never throws: it is forgotten with the next ones that are written. */
  drop(at: number): void {
    const bytes = this.waiting.get(at)
    if (bytes !== undefined) {
      this.waiting.delete(at)
      this.waitingBytes -= bytes.length + OWN_BYTES
    }
    this.dropped.push(at)
  }

  /** What nobody needs any more goes, with everything else. */
  close(): Promise<void> {
    this.waiting.clear()
    this.closing ??= this.store.close()
    return this.closing
  }

  private write(): void {
    const { waiting, dropped, free } = this
    try {
      if (this.closing !== undefined) throw new RangeError('it is closed')
      this.store.write(waiting, dropped)
    } catch (error) {
      throw this.failed('write values', error)
    }
    waiting.clear()
    this.waitingBytes = 0
    for (const at of dropped) free.push(at)
    this.dropped = []
  }
}
