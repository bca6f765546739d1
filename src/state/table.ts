import type { EpochMs } from '../units.js'
import { Cell, type Home } from './cell.js'
import { DueHeap } from './due-heap.js'
import type { Journal, Undoable } from './journal.js'
import type { LogSegment } from './log-segment.js'
import type { Shelf } from './shelf.js'

/** How a value lies in segments. `decode(encode(value))` must be the same value again. */
export interface StateCodec<V> {
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array): V
}

/**
 * What becomes of entries where other tasks take over from those that had them: they go with the key of records that they
 * belong to; or they are of whole tasks, and each new one has what comes of all.
 */
export type Moves<V> =
  | { readonly by: 'key'; readonly of: (key: string) => string }
  /** `values`: of each old task, undefined where it has none. */
  | { readonly by: 'task'; readonly merge: (values: readonly (V | undefined)[], key: string) => V | undefined }

export interface TableOptions<V> {
  /** Default: JSON. */
  readonly codec?: StateCodec<V>
  /**
   * What entries mean, where settings of the step decide that: a checkpoint that has them in another form is not taken for
   * this one. No spaces. Default: none.
   */
  readonly form?: string
  /** Whether what has no form is surely of another. Default false: versions that knew of none kept entries of this one without. */
  readonly unlikePlain?: boolean
  /** When an entry is due, for `takeDue`; null: never. */
  readonly due?: (value: V, key: string) => EpochMs | null
  /** Of a value that was kept under version `from` of the step's state, what it is now. */
  readonly migrate?: (old: unknown, from: number) => V
  /** Default: by key, which is that of records. */
  readonly moves?: Moves<V>
  /** What a key is made of, as people are shown it. Default: it is that of records. */
  readonly parts?: (key: string) => readonly string[]
}

/** So many times of entries that have moved or gone are no matter. */
const SLACK = 1_000

/**
 * One step's state by key, in memory or, where there is a shelf, values that no segment lacks on that. Knows what has changed
 * since it was last stored, and takes back what a bad record did. Values are never changed in place: a change is another value
 * under `set`.
 */
export class StateTable<V> implements Undoable {
  private readonly entries = new Map<string, Cell<V>>()
  /** Of entries that have changed: those that no segment has any version of, and the others. */
  private readonly fresh: Home = { live: 0 }
  private readonly stale: Home = { live: 0 }
  /** Of entries that are gone. */
  private readonly nowhere: Home = { live: 0 }
  /** Changed entries, oldest change first, and some that aren't any more. */
  private changed: Cell<V>[] = []
  /** How many of the first of them have been taken. */
  private taken = 0
  /** Keys that are gone, and of which segments have some version. */
  private readonly gone = new Set<string>()
  private readonly heap = new DueHeap()
  /** For values; null: they stay in memory. Set before there are any. */
  shelf: Shelf | null = null
  /** What was looked up last: a change asks for its entry several times. */
  private foundKey: string | undefined
  private found: Cell<V> | undefined
  /** Of the shelf, what was asked for last: a change asks for it several times. */
  private last: { readonly cell: Cell<V>; readonly value: V } | null = null
  readonly moves: Moves<V>
  readonly parts: (key: string) => readonly string[]
  private readonly journal: Journal
  private readonly due: TableOptions<V>['due']
  private readonly encode: (value: V) => Uint8Array
  private readonly decode: (bytes: Uint8Array) => V

  constructor(journal: Journal, options: TableOptions<V> = {}) {
    const codec = options.codec ?? (jsonCodec as StateCodec<V>)
    this.journal = journal
    this.moves = options.moves ?? byKey
    this.parts = options.parts ?? ((key) => [key])
    this.due = options.due
    this.encode = (value) => codec.encode(value)
    this.decode = (bytes) => codec.decode(bytes)
  }

  get size(): number {
    return this.entries.size
  }

  get(key: string): V | undefined {
    const cell = this.find(key)
    return cell?.isShelved === true ? this.fromShelf(cell) : cell?.value(this.decode)
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
    this.remove(key)
  }

  /** In the order of the keys' code units, whatever the order in which they came: restoring keeps it. */
  keys(): readonly string[] {
    return [...this.entries.keys()].toSorted()
  }

  /** In no order. */
  rawKeys(): Iterable<string> {
    return this.entries.keys()
  }

  /** As `get`, for who only looks: a value that lies encoded stays so. */
  peek(key: string): V | undefined {
    return this.entries.get(key)?.peek(this.decode)
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
    // Asked for with every record, where there is event time: mostly nothing is, and no value need be looked at for that.
    if ((this.heap.first?.at ?? Infinity) > time) return undefined
    const first = this.firstDue()
    if (first === undefined || first.at > time) return undefined
    const value = this.get(first.key)
    return value === undefined ? undefined : { ...first, value }
  }

  undo(key: string, before: unknown): void {
    if (before === undefined) this.remove(key)
    else this.put(key, before as V, this.get(key))
  }

  /** Calls `visit` for each entry that has changed since it was last stored, in any order; null: it is gone. */
  changes(visit: (key: string, bytes: Uint8Array | null) => void): void {
    for (const key of this.gone) visit(key, null)
    for (const cell of this.pending()) visit(cell.key, cell.encoded(this.encode))
  }

  /** The same for all entries. */
  all(visit: (key: string, bytes: Uint8Array) => void): void {
    for (const cell of this.entries.values()) visit(cell.key, cell.encoded(this.encode))
  }

  get changeCount(): number {
    return this.fresh.live + this.stale.live + this.gone.size
  }

  /** What has changed is in a segment. */
  settled(home: Home = { live: 0 }): void {
    for (const cell of this.pending()) cell.move(home)
    this.changed = []
    this.taken = 0
    this.gone.clear()
  }

  /** The same for `count` of the changed entries, those that changed first; `visit` is called for each. */
  take(count: number, segment: LogSegment, visit: (key: string, bytes: Uint8Array | null) => void): void {
    let left = count
    for (const key of this.gone) {
      if (left === 0) break
      left--
      visit(key, null)
      this.gone.delete(key)
    }
    while (left > 0) {
      const cell = this.changed[this.taken++]
      if (cell === undefined) throw new RangeError(`${left} entries too many were asked for`)
      if (!this.isChanged(cell)) continue
      left--
      const bytes = cell.encoded(this.encode)
      visit(cell.key, bytes)
      if (this.shelf !== null && !cell.isShelved) this.shelve(cell, this.shelf, bytes)
      cell.move(segment)
      segment.push(cell)
    }
    if (this.taken * 2 > this.changed.length) {
      this.changed = this.changed.slice(this.taken)
      this.taken = 0
    }
  }

  /** Entries of a segment that is to go count as changed again. */
  touch(cell: Cell<unknown>): void {
    cell.move(this.stale)
    this.changed.push(cell as Cell<V>)
  }

  /** An entry as a segment has it: `length` bytes of `chunk`, which must not change; or it is gone. Not a change. */
  restore(key: string, chunk: Uint8Array, at: number, length: number, home: Home): Cell<unknown> {
    let cell = this.entries.get(key)
    if (cell === undefined) {
      cell = new Cell<V>(key, home)
      this.entries.set(key, cell)
      this.foundKey = undefined
    } else cell.move(home)
    if (this.shelf === null) cell.holdEncoded(chunk, at, length)
    else this.shelve(cell, this.shelf, chunk.subarray(at, at + length))
    return cell
  }

  restoreGone(key: string): void {
    const cell = this.entries.get(key)
    if (cell === undefined) return
    this.entries.delete(key)
    this.bury(cell)
  }

  /** Every value becomes another. A step: some entries at a time. */
  *migrating(to: (old: unknown) => V): Generator<void> {
    for (const cell of this.entries.values()) {
      const value = to(cell.value(this.decode))
      if (this.shelf === null) cell.hold(value)
      else this.shelve(cell, this.shelf, this.encode(value))
      this.mark(cell)
      yield
    }
  }

  /** Every entry counts as changed: segments that have it are needed no more. A step: some entries at a time. */
  *rewriting(): Generator<void> {
    for (const cell of this.entries.values()) {
      this.mark(cell)
      yield
    }
  }

  /** All entries are restored: those that are due get into order, one after the other. */
  *ordering(): Generator<void> {
    this.heap.clear()
    const { due } = this
    if (due === undefined) return
    for (const cell of this.entries.values()) {
      const at = due(cell.value(this.decode), cell.key)
      if (at !== null) this.heap.push({ at, key: cell.key })
      yield
    }
  }

  private put(key: string, value: V, before: V | undefined): void {
    let cell = this.find(key)
    if (cell === undefined) {
      const stored = this.gone.size > 0 && this.gone.delete(key)
      cell = new Cell<V>(key, stored ? this.stale : this.fresh)
      this.entries.set(key, cell)
      this.found = cell
      this.changed.push(cell)
    } else this.mark(cell)
    cell.hold(value)
    const { due } = this
    if (due === undefined) return
    const at = due(value, key)
    if (at === null) return
    // One that was due sooner stands in the heap already: it is put where it belongs when that time has come.
    const was = before === undefined ? null : due(before, key)
    if (was !== null && was <= at) return
    this.heap.push({ at, key })
    if (this.heap.size > 2 * this.entries.size + SLACK) this.heap.thin((one) => this.entries.has(one))
  }

  private remove(key: string): void {
    const cell = this.entries.get(key)
    if (cell === undefined) return
    this.entries.delete(key)
    // What no segment has need not be said to be gone.
    if (cell.home !== this.fresh) this.gone.add(key)
    this.bury(cell)
  }

  private fromShelf(cell: Cell<V>): V {
    if (this.last?.cell !== cell) this.last = { cell, value: cell.value(this.decode) }
    return this.last.value
  }

  private shelve(cell: Cell<V>, shelf: Shelf, bytes: Uint8Array): void {
    if (this.last?.cell === cell) this.last = null
    cell.shelve(shelf, bytes)
  }

  private find(key: string): Cell<V> | undefined {
    if (this.foundKey !== key) {
      this.found = this.entries.get(key)
      this.foundKey = key
    }
    return this.found
  }

  private bury(cell: Cell<V>): void {
    this.foundKey = undefined
    cell.move(this.nowhere)
    cell.clear()
  }

  private mark(cell: Cell<V>): void {
    if (this.isChanged(cell)) return
    cell.move(this.stale)
    this.changed.push(cell)
  }

  private *pending(): Generator<Cell<V>> {
    for (let i = this.taken; i < this.changed.length; i++) {
      const cell = this.changed[i]
      if (cell !== undefined && this.isChanged(cell)) yield cell
    }
  }

  private isChanged(cell: Cell<V>): boolean {
    return cell.home === this.stale || cell.home === this.fresh
  }

  /** For each entry that is due some time the heap has that time, or an earlier one: what has moved or gone is mended here. */
  private firstDue(): { readonly at: EpochMs; readonly key: string } | undefined {
    for (let first = this.heap.first; first !== undefined; first = this.heap.first) {
      const { key } = first
      const value = this.get(key)
      const at = value === undefined ? undefined : this.due?.(value, key)
      if (at === first.at) return first
      this.heap.pop()
      // An earlier one would stand before this.
      if (typeof at === 'number' && at > first.at) this.heap.push({ at, key })
    }
    return undefined
  }
}

const byKey = { by: 'key', of: (key: string): string => key } as const

const decoder = new TextDecoder()

/** Values are what `JSON.parse` gives; `undefined` inside them is lost, as JSON has it. */
export const jsonCodec: StateCodec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(decoder.decode(bytes)) as unknown,
}
