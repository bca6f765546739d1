import type { EpochMs } from '../units.js'
import { DueHeap } from './due-heap.js'
import type { Journal, Undoable } from './journal.js'

/** How a value lies in segments. `decode(encode(value))` must be the same value again. */
export interface StateCodec<V> {
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array): V
}

export interface TableOptions<V> {
  /** Default: JSON. */
  readonly codec?: StateCodec<V>
  /** When an entry is due, for `takeDue`; null: never. */
  readonly due?: (value: V, key: string) => EpochMs | null
  /** Of a value that was kept under version `from` of the step's state, what it is now. */
  readonly migrate?: (old: unknown, from: number) => V
}

/** Restored, and not read yet: most entries of a large state never are before the next checkpoint. */
class Encoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/**
 * One step's state by key, in memory. Knows what has changed since the last checkpoint, and takes back what a bad record
 * did. Values are never changed in place: a change is another value under `set`.
 */
export class StateTable<V> implements Undoable {
  private readonly entries = new Map<string, V | Encoded>()
  private readonly changed = new Set<string>()
  private readonly heap = new DueHeap()
  private readonly journal: Journal
  private readonly codec: StateCodec<V>
  private readonly due: TableOptions<V>['due']

  constructor(journal: Journal, options: TableOptions<V> = {}) {
    this.journal = journal
    this.codec = options.codec ?? (jsonCodec as StateCodec<V>)
    this.due = options.due
  }

  get size(): number {
    return this.entries.size
  }

  get(key: string): V | undefined {
    const found = this.entries.get(key)
    if (!(found instanceof Encoded)) return found
    const value = this.codec.decode(found.bytes)
    this.entries.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    const before = this.get(key)
    this.journal.note(this, key, before)
    this.put(key, value, before)
  }

  delete(key: string): void {
    const before = this.get(key)
    if (before === undefined) return
    this.journal.note(this, key, before)
    this.entries.delete(key)
    this.changed.add(key)
  }

  /** In the order of the keys' code units, whatever the order in which they came: restoring keeps it. */
  keys(): readonly string[] {
    return [...this.entries.keys()].toSorted()
  }

  /** The time at which the next entry is due; null where none is. */
  get nextDue(): EpochMs | null {
    return this.firstDue()?.at ?? null
  }

  /**
   * The earliest entry that is due by `time`; of those due at one time, the least key. The caller deletes or changes it,
   * else it comes again.
   */
  firstDueBy(time: EpochMs): { readonly key: string; readonly value: V; readonly at: EpochMs } | undefined {
    const first = this.firstDue()
    if (first === undefined || first.at > time) return undefined
    const value = this.get(first.key)
    return value === undefined ? undefined : { ...first, value }
  }

  undo(key: string, before: unknown): void {
    const now = this.get(key)
    if (before === undefined) {
      this.entries.delete(key)
      this.changed.add(key)
    } else this.put(key, before as V, now)
  }

  /** Calls `visit` for each entry that has changed since the last `settled`, in any order; null: it is gone. */
  changes(visit: (key: string, bytes: Uint8Array | null) => void): void {
    for (const key of this.changed) visit(key, this.encoded(key))
  }

  /** The same for all entries. */
  all(visit: (key: string, bytes: Uint8Array) => void): void {
    for (const key of this.entries.keys()) {
      const bytes = this.encoded(key)
      if (bytes !== null) visit(key, bytes)
    }
  }

  get changeCount(): number {
    return this.changed.size
  }

  /** What has changed is in a segment. */
  settled(): void {
    this.changed.clear()
  }

  /** An entry as a segment has it; null: gone. Not a change. */
  restore(key: string, bytes: Uint8Array | null): void {
    if (bytes === null) this.entries.delete(key)
    else this.entries.set(key, new Encoded(bytes))
  }

  /** Every value becomes another. */
  migrate(to: (old: unknown) => V): void {
    for (const key of this.entries.keys()) {
      this.entries.set(key, to(this.get(key)))
      this.changed.add(key)
    }
  }

  /** All entries are restored: those that are due get into order. */
  restored(): void {
    this.heap.clear()
    const { due } = this
    if (due === undefined) return
    for (const key of this.entries.keys()) {
      const value = this.get(key)
      const at = value === undefined ? null : due(value, key)
      if (at !== null) this.heap.push({ at, key })
    }
  }

  private put(key: string, value: V, before: V | undefined): void {
    this.entries.set(key, value)
    this.changed.add(key)
    const { due } = this
    if (due === undefined) return
    const at = due(value, key)
    // An entry that was changed without moving stands in the heap already.
    if (at !== null && (before === undefined || due(before, key) !== at)) this.heap.push({ at, key })
  }

  /** The heap keeps what has moved or gone; it is dropped here. */
  private firstDue(): { readonly at: EpochMs; readonly key: string } | undefined {
    for (let first = this.heap.first; first !== undefined; first = this.heap.first) {
      const value = this.get(first.key)
      if (value !== undefined && this.due?.(value, first.key) === first.at) return first
      this.heap.pop()
    }
    return undefined
  }

  private encoded(key: string): Uint8Array | null {
    const value = this.entries.get(key)
    if (value === undefined) return null
    return value instanceof Encoded ? value.bytes : this.codec.encode(value)
  }
}

const decoder = new TextDecoder()

/** Values are what `JSON.parse` gives; `undefined` inside them is lost, as JSON has it. */
export const jsonCodec: StateCodec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(decoder.decode(bytes)) as unknown,
}
