import { randomUUID } from 'node:crypto'
import type { SinkContext } from '../../definition/sink.js'
import { linkAfter, takeOver, type Chain } from '../ledger-chain/chain.js'
import type { Target } from '../ledger-chain/target.js'
import type { Disk } from './disk.js'
import { unfinished, type Entry } from './entry.js'
import { MAKE_DIRECTORY, sinkFailure } from './failure.js'
import type { Layout } from './layout.js'
import { Ledger } from './ledger.js'
import { directoryId } from './place.js'
import { publish, sweep } from './publish.js'
import { FileWriter } from './writer.js'

export interface Opening {
  readonly disk: Disk
  readonly layout: Layout
  readonly target: Target
  /** Bytes a writer keeps in memory before they are written. */
  readonly buffered: number
}

/** Opens the ledger for `ctx.owner` (PROTOCOL §2): after this no older owner can commit. */
export async function openLedger(at: Opening, ctx: SinkContext): Promise<FileWriter> {
  const { disk, layout, target } = at
  let doing = MAKE_DIRECTORY
  try {
    await disk.makeDirectory(layout.entries)
    await disk.makeDirectory(layout.pending)
    // Whoever made them may have been stopped before they were durable.
    for (const made of [layout.own, layout.hidden, layout.directory]) await disk.syncDirectory(made)
    doing = 'open its ledger'
    const place = await directoryId(disk, layout, target)
    const ledger = new Ledger(disk, layout, ctx.ledgerKey, target)
    // An opening's temporary files go by the number of its own fence entry.
    const chain: Chain<Entry> = {
      newest: () => ledger.newest(),
      create: (entry) => ledger.create(entry, entry.seq),
    }
    const { newest, fence } = await takeOver(chain, ctx, place, (receipt, before) => ({
      ...linkAfter(before, ctx.ledgerKey, receipt, randomUUID()),
      files: [],
      inherited: before === null ? [] : unfinished(before),
    }))
    await publish(disk, layout, target, fence.inherited)
    await sweep(disk, layout, fence.seq)
    await ledger.prune(fence.seq)
    return new FileWriter({ ...at, ledger, ctx, fence, place, receipt: newest?.receipt ?? null })
  } catch (error) {
    throw sinkFailure(target, doing, error)
  }
}
