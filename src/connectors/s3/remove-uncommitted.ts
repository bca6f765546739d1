import { sinkFailure } from './failure.js'
import { objectOrigin } from './layout.js'
import { ledgerOf, outputKeys, outsider, type S3Place } from './reading.js'

/**
 * Removes what was sent and never committed, and never can be: objects whose commit sequence has an entry that names
 * another attempt. Safe while pipelines run. Yields the keys it has removed. Lists all objects below the prefix, and reads an entry per
 * commit: for now and then, where plain listings have to show committed objects only.
 *
 * Throws `SinkUnavailable`, `SinkUnauthorized`.
 */
export async function* removeUncommitted(options: S3Place): AsyncGenerator<string, void, undefined> {
  const place = await outsider(options)
  try {
    for await (const key of outputKeys(place)) {
      const origin = objectOrigin(key)
      if (origin === null) continue
      const entry = await ledgerOf(place, origin.ledger).read(origin.seq)
      // Without an entry it may yet be committed, or its entry is gone: nobody can tell.
      if (entry === null || entry.nonce === origin.nonce) continue
      await place.bucket.remove(key)
      yield key
    }
  } catch (error) {
    throw sinkFailure(place.target(''), 'remove what is not committed', error)
  }
}
