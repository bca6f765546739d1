import type { Chain } from '../ledger-chain/chain.js'
import { misplaced } from '../ledger-chain/link.js'
import { foreign, type Target } from '../ledger-chain/target.js'
import type { Bucket } from './bucket.js'
import { parseEntry, type Entry } from './entry.js'
import { entriesKey, entryKey, entrySeq, type Layout } from './layout.js'

/**
 * The chain of entries of one task and sink (PROTOCOL §5). Nothing here ever removes an entry, so each seq is created once
 * and for all: an owner that stood still for long finds its seq taken.
 */
export class Ledger implements Chain<Entry> {
  /** Its name below the prefix: `main-00003`. */
  readonly name: string
  readonly #bucket: Bucket
  readonly #layout: Layout
  /** Null: whatever ledger key it has. */
  readonly #key: string | null
  readonly #target: Target

  constructor(bucket: Bucket, layout: Layout, name: string, key: string | null, target: Target) {
    this.name = name
    this.#bucket = bucket
    this.#layout = layout
    this.#key = key
    this.#target = target
  }

  async newest(): Promise<Entry | null> {
    const prefix = entriesKey(this.#layout, this.name)
    const [key] = await this.#bucket.list(prefix, { limit: 1 })
    if (key === undefined) return null
    const seq = entrySeq(key)
    if (seq === null) throw foreign(this.#target, `no entry: ${key}`)
    const entry = await this.read(seq)
    if (entry === null) throw this.broken(`entry ${seq} vanishes`)
    if (entry.predecessor === null) return entry
    const before = await this.read(seq - 1)
    if (before?.nonce === entry.predecessor) return entry
    throw this.broken(`entry ${seq} does not continue ${before === null ? 'anything' : `entry ${seq - 1}`}`)
  }

  async create(entry: Entry): Promise<boolean> {
    let refused: unknown
    try {
      if (await this.#bucket.create(this.#keyOf(entry.seq), `${JSON.stringify(entry, null, 2)}\n`)) return true
    } catch (error) {
      // A lost answer: only what is there tells.
      refused = error
    }
    const there = await this.read(entry.seq).catch((error: unknown) => {
      throw refused ?? error
    })
    if (there === null) throw refused ?? this.broken(`entry ${entry.seq} is there and is not`)
    return there.nonce === entry.nonce
  }

  /** Null where there is none. */
  async read(seq: number): Promise<Entry | null> {
    const key = this.#keyOf(seq)
    const text = await this.#bucket.read(key)
    if (text === null) return null
    const parsed = parseEntry(text)
    if ('fault' in parsed) throw foreign(this.#target, `no entry of this ledger: ${key} (${parsed.fault})`)
    const wrong = misplaced(parsed.entry, this.#key ?? parsed.entry.ledger, seq, key)
    if (wrong !== null) throw foreign(this.#target, wrong)
    return parsed.entry
  }

  broken(how: string): Error {
    return foreign(this.#target, `a broken ledger in ${entriesKey(this.#layout, this.name)} (${how})`)
  }

  #keyOf(seq: number): string {
    return entryKey(this.#layout, this.name, seq)
  }
}
