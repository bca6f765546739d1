const SLAB = 256 * 1024
/** Larger ones get memory of their own: else one of them would keep a whole slab, mostly empty. */
const LARGE = SLAB / 8

/** Memory for many small buffers that live and die together; much cheaper than one allocation each. */
export class Slab {
  #slab = Buffer.alloc(0)
  #used = 0

  /** A buffer with anything in it. */
  take(size: number): Buffer {
    if (size > LARGE) return Buffer.allocUnsafe(size)
    if (this.#used + size > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB)
      this.#used = 0
    }
    const start = this.#used
    this.#used += size
    return this.#slab.subarray(start, start + size)
  }
}
