import type { Shelf } from './shelf.js'

/** Where the newest stored version of an entry lies, or that it is yet to be stored. */
export interface Home {
  /** Entries that have it as theirs. */
  live: number
}

/** Instead of where bytes begin: what is held is the value itself, or the shelf that has its bytes. */
const PLAIN = -1
const SHELVED = -2

/**
 * One entry of a table. There may be millions: no more than one object each, changed in place. A restored value stays
 * encoded until it is asked for, which most of a large state never is before the next checkpoint; on a shelf, for good.
 */
export class Cell<V> {
  readonly key: string
  home: Home
  private held: V | Uint8Array | Shelf | undefined
  /** Where in `held` its bytes begin, or what else `held` is. */
  private at = PLAIN
  /** Of its bytes; their number, where they are shelved. */
  private length = 0

  constructor(key: string, home: Home) {
    this.key = key
    this.home = home
    home.live++
  }

  get isShelved(): boolean {
    return this.at === SHELVED
  }

  move(home: Home): void {
    this.home.live--
    this.home = home
    home.live++
  }

  /** Of a cell that has one. */
  value(decode: (bytes: Uint8Array) => V): V {
    const value = this.peek(decode)
    if (this.at >= 0) this.hold(value)
    return value
  }

  /** The same, and a value that lies encoded stays so. */
  peek(decode: (bytes: Uint8Array) => V): V {
    return this.at === PLAIN ? (this.held as V) : decode(this.bytes())
  }

  hold(value: V | undefined): void {
    this.unshelve()
    this.held = value
    this.at = PLAIN
  }

  /** Its bytes lie in `chunk`, which must not change. */
  holdEncoded(chunk: Uint8Array, at: number, length: number): void {
    this.unshelve()
    this.held = chunk
    this.at = at
    this.length = length
  }

  /** Its bytes are out of memory from now on. */
  shelve(shelf: Shelf, bytes: Uint8Array): void {
    this.unshelve()
    this.length = shelf.put(bytes)
    this.held = shelf
    this.at = SHELVED
  }

  encoded(encode: (value: V) => Uint8Array): Uint8Array {
    return this.at === PLAIN ? encode(this.held as V) : this.bytes()
  }

  /** Gone: segments may still list it. */
  clear(): void {
    this.hold(undefined)
  }

  private bytes(): Uint8Array {
    if (this.at === SHELVED) return (this.held as Shelf).get(this.length)
    return (this.held as Uint8Array).subarray(this.at, this.at + this.length)
  }

  private unshelve(): void {
    if (this.at === SHELVED) (this.held as Shelf).drop(this.length)
  }
}
