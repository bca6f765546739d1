/** Where the newest stored version of an entry lies, or that it is yet to be stored. */
export interface Home {
  /** Entries that have it as theirs. */
  live: number
}

/**
 * One entry of a table. There may be millions: no more than one object each, changed in place. A restored value stays
 * encoded until it is asked for, which most of a large state never is before the next checkpoint.
 */
export class Cell<V> {
  readonly key: string
  home: Home
  private held: V | Uint8Array | undefined
  /** Where in `held` its bytes begin; -1: it is the value itself. */
  private at = -1
  private length = 0

  constructor(key: string, home: Home) {
    this.key = key
    this.home = home
    home.live++
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
    if (this.at < 0) return this.held as V
    return decode((this.held as Uint8Array).subarray(this.at, this.at + this.length))
  }

  hold(value: V): void {
    this.held = value
    this.at = -1
  }

  /** Its bytes lie in `chunk`, which must not change. */
  holdEncoded(chunk: Uint8Array, at: number, length: number): void {
    this.held = chunk
    this.at = at
    this.length = length
  }

  encoded(encode: (value: V) => Uint8Array): Uint8Array {
    return this.at < 0 ? encode(this.held as V) : (this.held as Uint8Array).subarray(this.at, this.at + this.length)
  }

  /** Gone: segments may still list it. */
  clear(): void {
    this.held = undefined
    this.at = -1
  }
}
