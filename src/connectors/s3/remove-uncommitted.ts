import { sinkFailure } from './failure.js'
import { layoutOf, objectOrigin } from './layout.js'
import { ledgerOf, type Outsider, outputKeys, outsider, type S3Place } from './reading.js'

/**
 * Removes what was sent and never committed, and never can be: objects whose commit sequence has an entry that names
 * another attempt. Safe while pipelines run, and for other sinks whose prefixes lie below this one. Yields the keys it has removed. Lists all objects below the prefix, and reads an entry per
 * commit: for now and then, where plain listings have to show committed objects only.
 *
 * Throws `SinkUnavailable`, `SinkUnauthorized`.
 */
export async function* removeUncommitted(options: S3Place): AsyncGenerator<string, void, undefined> {
  const place = await outsider(options)
  try {
    yield* removeBelow(place)
  } catch (error) {
    throw sinkFailure(place.target(''), 'remove what is not committed', error)
  }
}

/** The same of a place that is connected. */
export async function* removeBelow(place: Outsider): AsyncGenerator<string, void, undefined> {
  for await (const key of outputKeys(place)) {
    const origin = objectOrigin(key)
    if (origin === null) continue
    const entry = await ledgerOf(place, origin.ledger).read(origin.seq)
    // Without an entry it may yet be committed, or its entry is gone: nobody can tell.
    if (entry === null || entry.nonce === origin.nonce) continue
    if (await isOthers(place, key)) continue
    await place.bucket.remove(key)
    yield key
  }
}

/** Whether a key is of another sink, whose prefix lies below this one and has ledgers of the same names. */
async function isOthers({ bucket, layout }: Outsider, key: string): Promise<boolean> {
  for (let end = key.indexOf('/', layout.root.length); end >= 0; end = key.indexOf('/', end + 1)) {
    if ((await bucket.read(layoutOf(key.slice(0, end)).placeKey)) !== null) return true
  }
  return false
}
