import type { Receipt, SinkContext } from '../../../definition/sink.js'
import { sinkFailure } from './failure.js'
import { Ledger } from './ledger.js'
import { Links } from './links.js'
import type { Place } from './place.js'
import type { Limits } from './retry.js'
import { takeOver } from './take-over.js'
import { Topics } from './topics.js'
import { KafkaWriter } from './writer.js'

/** Opens the ledger for `ctx.owner` (PROTOCOL §2): after this no older owner can commit. */
export async function openWriter(place: Place, ctx: SinkContext): Promise<KafkaWriter> {
  const links = new Links(place.connection, place.openLink)
  const limits: Limits = { signal: ctx.signal, patienceMs: place.patienceMs }
  const topics = new Topics(links, limits)
  const ledger = new Ledger(place.names, links, topics, limits, place.target)
  try {
    const clusterId = await ledger.prepare()
    // As the writer tells it.
    const id = clusterId === '' ? undefined : clusterId
    const taken = await takeOver(ledger, place, (found) => following(found, ctx.fence(found, id)), ctx.signal)
    return new KafkaWriter({ ...place, ...taken, clusterId, ctx, links, limits, topics, ledger })
  } catch (error) {
    links.destroy()
    throw sinkFailure(place.target, 'open its ledger', error)
  }
}

/** The newest receipt, fencing nobody. */
export async function inspectLedger(place: Place, signal: AbortSignal): Promise<Receipt | null> {
  const links = new Links(place.connection, place.openLink)
  const limits: Limits = { signal, patienceMs: place.patienceMs }
  try {
    return await new Ledger(place.names, links, new Topics(links, limits), limits, place.target).read(true)
  } catch (error) {
    throw sinkFailure(place.target, 'read its ledger', error)
  } finally {
    links.destroy()
  }
}

function following(found: Receipt | null, receipt: Receipt): Receipt {
  // Offsets that have expired left nothing to follow: then history says which receipt is due (PROTOCOL §2.4).
  if (found !== null && receipt.seq !== found.seq + 1)
    throw new RangeError(`a fence receipt of seq ${receipt.seq} cannot follow ${found.seq}`)
  return receipt
}
