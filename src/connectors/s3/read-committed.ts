import type { Positions } from '../../definition/position.js'
import { pages } from './bucket.js'
import type { Entry } from './entry.js'
import { sinkFailure } from './failure.js'
import { entriesKey, entrySeq, ledgerOrigin } from './layout.js'
import { ledgerNames, ledgerOf, outsider, type Outsider, type S3Place } from './reading.js'

/** An object that is committed: complete, and never changed. */
export interface CommittedObject {
  /** In the bucket. */
  readonly key: string
  /** `main-00003`: stage and partition. */
  readonly ledger: string
  readonly stage: string
  readonly partition: number
  /** Raised by `start --fresh`: a newer one holds outputs again that an older one has. */
  readonly generation: number
  /** Of its commit: objects of one commit have the same. */
  readonly seq: number
  readonly bytes: number
  readonly records: number
  /** Of its bytes, as zlib computes it. */
  readonly crc32: number
  /** Source positions up to which this and all objects before it hold the outputs. */
  readonly positions: Positions
}

export interface ReadCommittedOptions extends S3Place {
  /** By ledger: the last seq that is known; what is behind it is listed. Default: from the first on. */
  readonly after?: Readonly<Record<string, number>>
}

/** Entries read at once. */
const READING = 16

/**
 * Lists what an `s3Sink` has committed: ledger by ledger, within each in the order of its commits. This, and not a listing
 * of the bucket, is what the promise of exactly-once is about. Costs a request per commit, and keeps what it lists of one
 * ledger in memory (some 300 bytes per commit): go on with `after` instead of listing all again.
 *
 * Throws `SinkUnavailable`, `SinkUnauthorized`; `ForeignReceipt` where entries behind `after` are missing or not ours.
 */
export async function* readCommitted(options: ReadCommittedOptions): AsyncGenerator<CommittedObject, void, undefined> {
  const place = await outsider(options)
  try {
    for await (const ledger of ledgerNames(place)) {
      const { stage, partition } = ledgerOrigin(ledger) ?? { stage: '', partition: 0 }
      for (const { seq, receipt, objects } of await chainOf(place, ledger, options.after?.[ledger])) {
        const { owner, positions } = receipt
        const { generation } = owner
        for (const { key, ...what } of objects) {
          yield { key: `${place.layout.root}${key}`, ledger, stage, partition, generation, seq, ...what, positions }
        }
      }
    }
  } catch (error) {
    throw sinkFailure(place.target(''), 'list what is committed', error)
  }
}

/**
 * Entries behind `after`, ascending: those that can be reached from the newest by nonce (PROTOCOL §5). Without `after` the
 * first of them is the oldest that is left.
 */
async function chainOf(place: Outsider, ledger: string, after: number | undefined): Promise<readonly Entry[]> {
  const chain = ledgerOf(place, ledger)
  const chained: Entry[] = []
  let expected: { readonly seq: number; readonly nonce: string | null } | null = null
  for await (const seqs of newestFirst(place, ledger, after ?? 0)) {
    for (let from = 0; from < seqs.length; from += READING) {
      const some = await Promise.all(seqs.slice(from, from + READING).map((seq) => chain.read(seq)))
      for (const entry of some) {
        const fits: boolean = entry !== null && (expected === null || isNext(entry, expected))
        if (!fits || entry === null) {
          if (after === undefined) return chained.toReversed()
          throw chain.broken(`entry ${expected?.seq ?? 0} is missing, or not the one that was continued`)
        }
        chained.push(entry)
        expected = { seq: entry.seq - 1, nonce: entry.predecessor }
      }
    }
  }
  if (after !== undefined && expected !== null && expected.seq > after) {
    throw chain.broken(`entries ${after + 1} to ${expected.seq} are missing`)
  }
  return chained.toReversed()
}

const isNext = (entry: Entry, expected: { readonly seq: number; readonly nonce: string | null }): boolean =>
  entry.seq === expected.seq && entry.nonce === expected.nonce

/** Sequences above `after`, descending, as a listing has them. */
async function* newestFirst(place: Outsider, ledger: string, after: number): AsyncGenerator<readonly number[]> {
  for await (const keys of pages(place.bucket, entriesKey(place.layout, ledger))) {
    const seqs = keys.map((key) => {
      const seq = entrySeq(key)
      if (seq === null) throw ledgerOf(place, ledger).broken(`${key} is no entry`)
      return seq
    })
    const wanted = seqs.filter((seq) => seq > after)
    yield wanted
    if (wanted.length < seqs.length) return
  }
}
