import type { SinkContext } from '../../definition/sink.js'
import { linkAfter, takeOver } from '../ledger-chain/chain.js'
import type { Target } from '../ledger-chain/target.js'
import type { AttemptAt } from './attempt.js'
import type { Bucket } from './bucket.js'
import { newNonce, type Entry } from './entry.js'
import { sinkFailure } from './failure.js'
import { ledgerName, objectStem, type Layout } from './layout.js'
import { Ledger } from './ledger.js'
import { placeId } from './place.js'
import { S3Writer } from './writer.js'

export interface Opening {
  readonly connect: () => Promise<Bucket>
  readonly layout: Layout
  readonly target: Target
  readonly objects: Pick<AttemptAt, 'extension' | 'objectBytes'>
}

/** Opens the ledger for `ctx.owner` (PROTOCOL §2): after this no older owner can commit. */
export async function openLedger({ connect, layout, target, objects }: Opening, ctx: SinkContext): Promise<S3Writer> {
  const name = ledgerName(ctx.stage, ctx.partition)
  try {
    const bucket = await connect()
    const place = await placeId(bucket, layout, target)
    const ledger = new Ledger(bucket, layout, name, ctx.ledgerKey, target)
    const { newest, fence } = await takeOver(ledger, ctx, place, (receipt, before): Entry => {
      return { ...linkAfter(before, ctx.ledgerKey, receipt, newNonce()), objects: [] }
    })
    if (newest !== null) await sweep(bucket, layout, name, newest)
    const attempts = { ...objects, bucket, layout, ledger: name, generation: ctx.owner.generation }
    return new S3Writer({ ledger, ctx, target, attempts, fence, place, receipt: newest?.receipt ?? null })
  } catch (error) {
    throw sinkFailure(target, 'open its ledger', error)
  }
}

/**
 * Removes what the owner before was about to commit under the seq that is now the fence's: after that entry it never can
 * (PROTOCOL §5). Directly below the prefix only: nobody knows which paths it had.
 */
async function sweep(bucket: Bucket, layout: Layout, name: string, { seq, receipt }: Entry): Promise<void> {
  const stem = `${layout.root}${objectStem(name, receipt.owner.generation, seq + 1)}`
  for (const key of await bucket.list(stem)) await bucket.remove(key)
}
