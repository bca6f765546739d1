import { crc32 } from 'node:zlib'
import type { Line } from '../lines/line.js'
import type { Bucket } from './bucket.js'
import { newNonce, type EntryObject } from './entry.js'
import { objectName, type Layout } from './layout.js'

/** Objects sent at once. */
const SENDING = 4

interface Heap {
  readonly chunks: Uint8Array[]
  bytes: number
}

export interface AttemptAt {
  readonly bucket: Bucket
  readonly layout: Layout
  /** The ledger's name: begins the names of its objects. */
  readonly ledger: string
  readonly extension: string
  /** Bytes kept in memory before they are sent: about what an object holds at most. */
  readonly objectBytes: number
  readonly generation: number
}

/** The objects of one commit that is being prepared: nobody reads them before an entry with its nonce names them. */
export class Attempt {
  readonly nonce = newNonce()
  readonly seq: number
  readonly #at: AttemptAt
  #heaps = new Map<string, Heap>()
  #buffered = 0
  /** Noted before it is sent: an answer may be lost. */
  readonly #keys: string[] = []
  readonly #sent: EntryObject[] = []

  constructor(at: AttemptAt, seq: number) {
    this.#at = at
    this.seq = seq
  }

  /** Keeps a line in memory. True: it is time to `send`. */
  add(line: Line): boolean {
    let heap = this.#heaps.get(line.path)
    if (heap === undefined) {
      heap = { chunks: [], bytes: 0 }
      this.#heaps.set(line.path, heap)
    }
    const data = line.from === 0 ? line.bytes : line.bytes.subarray(line.from)
    heap.chunks.push(data)
    heap.bytes += data.length
    this.#buffered += data.length
    return this.#buffered >= this.#at.objectBytes
  }

  /** Makes objects of what is in memory, one per path. Returns all of this attempt. */
  async send(): Promise<readonly EntryObject[]> {
    const heaps = [...this.#heaps]
    this.#heaps = new Map()
    this.#buffered = 0
    for (let from = 0; from < heaps.length; from += SENDING) {
      const some = heaps.slice(from, from + SENDING).map(([path, heap]) => this.#put(path, heap))
      // Not before all have ended: what is dropped after a failure must not be on its way still.
      const results = await Promise.allSettled(some)
      for (const result of results) {
        if (result.status === 'rejected') throw result.reason
        this.#sent.push(result.value)
      }
    }
    return this.#sent
  }

  /** Removes what was sent. */
  async drop(): Promise<void> {
    this.#heaps = new Map()
    this.#buffered = 0
    for (const key of this.#keys) await this.#at.bucket.remove(`${this.#at.layout.root}${key}`)
  }

  async #put(path: string, { chunks }: Heap): Promise<EntryObject> {
    const { bucket, layout, ledger, generation, extension } = this.#at
    const { seq } = this
    const name = `${objectName(ledger, { generation, seq }, this.nonce, this.#keys.length)}.${extension}`
    const key = path === '' ? name : `${path}/${name}`
    this.#keys.push(key)
    const body = Buffer.concat(chunks)
    await bucket.put(`${layout.root}${key}`, body)
    return { key, bytes: body.length, crc32: crc32(body), records: chunks.length }
  }
}
