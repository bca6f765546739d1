import { join } from 'node:path'
import { misplaced } from '../ledger-chain/link.js'
import { foreign, type Target } from '../ledger-chain/target.js'
import { errno, type Disk } from './disk.js'
import { parseEntry, type Entry } from './entry.js'
import { entryName, entrySeq, pendingName, type Layout } from './layout.js'

/** Entries left behind the newest. At least 2: a torn or late view is told from the truth by the entry before. */
const KEPT = 8
/** A listing that others prune under our feet is read again; after that many times nobody prunes, it is broken. */
const READINGS = 50

/**
 * The chain of entries of one task and sink (PROTOCOL §5). Its newest entry is the truth; creating the next one is the
 * commit. Every method may be overtaken by another owner between any two steps.
 */
export class Ledger {
  readonly #disk: Disk
  readonly #layout: Layout
  readonly #key: string
  readonly #target: Target

  constructor(disk: Disk, layout: Layout, key: string, target: Target) {
    this.#disk = disk
    this.#layout = layout
    this.#key = key
    this.#target = target
  }

  /** The newest entry, null where nothing was ever committed. */
  async newest(): Promise<Entry | null> {
    let broken = ''
    for (let reading = 0; reading < READINGS; reading++) {
      const seqs = await this.#seqs()
      const last = seqs.at(-1)
      if (last === undefined) return null
      const entry = await this.#read(last)
      if (entry === null) continue
      if (entry.predecessor === null) return entry
      // An entry that a stopped owner created where another one had been pruned does not fit the one before it.
      const before = await this.#read(last - 1)
      if (before?.nonce === entry.predecessor) return entry
      broken = `entry ${last} does not continue ${before === null ? 'anything' : `entry ${last - 1}`}`
    }
    throw foreign(this.#target, `a broken ledger in ${this.#layout.entries} (${broken || 'entries keep vanishing'})`)
  }

  /**
   * Creates the entry of its seq, durably. True: this is the commit. False: another owner was there before. Throws where
   * nobody can tell. `fence` is the number that temporary files go by.
   */
  async create(entry: Entry, fence: number): Promise<boolean> {
    const { pending, entries } = this.#layout
    const temporary = join(pending, pendingName(fence, entry.nonce, 'entry'))
    await this.#disk.writeNew(temporary, `${JSON.stringify(entry, null, 2)}\n`)
    const created = await this.#link(temporary, entry)
    await this.#disk.remove(temporary)
    if (!created) return false
    await this.#disk.syncDirectory(entries)
    return await this.#counts(entry)
  }

  /** Removes entries that nobody needs. Ascending, so that what is left is always the end of the chain. */
  async prune(newest: number): Promise<void> {
    for (const seq of await this.#seqs()) {
      if (seq > newest - KEPT) return
      await this.#disk.remove(join(this.#layout.entries, entryName(seq)))
    }
  }

  async #link(temporary: string, entry: Entry): Promise<boolean> {
    try {
      await this.#disk.link(temporary, join(this.#layout.entries, entryName(entry.seq)))
      return true
    } catch (error) {
      // A repeated request of a network file system meets its own link.
      if (errno(error) === 'EEXIST') return (await this.#read(entry.seq))?.nonce === entry.nonce
      // A newer owner has cleared our temporary file away; if it is still there, it is the directory that is gone.
      if (errno(error) === 'ENOENT' && (await this.#disk.size(temporary)) === null) return false
      throw error
    }
  }

  /**
   * Whether a created entry is the end of the chain. It isn't if others went on and pruned its seq while we stood still:
   * then there are higher ones, and the one before is gone.
   */
  async #counts(entry: Entry): Promise<boolean> {
    const seqs = await this.#seqs()
    return seqs.at(-1) === entry.seq && (entry.seq === 1 || seqs.at(-2) === entry.seq - 1)
  }

  async #seqs(): Promise<readonly number[]> {
    const seqs: number[] = []
    for (const name of await this.#names()) {
      const seq = entrySeq(name)
      if (seq !== null) seqs.push(seq)
      // Names with a dot in front come from file systems and file managers.
      else if (!name.startsWith('.')) throw foreign(this.#target, `no entry: ${join(this.#layout.entries, name)}`)
    }
    return seqs.toSorted((a, b) => a - b)
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await this.#disk.list(this.#layout.entries)
    } catch (error) {
      if (errno(error) === 'ENOENT') return []
      throw error
    }
  }

  /** Null where there is none (any more). */
  async #read(seq: number): Promise<Entry | null> {
    const path = join(this.#layout.entries, entryName(seq))
    let text: string
    try {
      text = await this.#disk.read(path)
    } catch (error) {
      if (errno(error) === 'ENOENT') return null
      throw error
    }
    const parsed = parseEntry(text)
    if ('fault' in parsed) throw foreign(this.#target, `no entry of this ledger: ${path} (${parsed.fault})`)
    const wrong = misplaced(parsed.entry, this.#key, seq, path)
    if (wrong !== null) throw foreign(this.#target, wrong)
    return parsed.entry
  }
}
