import { ReceiptLost } from '../../errors/sink.js'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SinkContext } from '../../definition/sink.js'
import type { Disk } from './disk.js'
import { unfinished, type Entry } from './entry.js'
import { MAKE_DIRECTORY, sinkFailure, type Target } from './failure.js'
import type { Layout } from './layout.js'
import { Ledger } from './ledger.js'
import { directoryId } from './place.js'
import { publish, sweep } from './publish.js'
import { FileWriter } from './writer.js'

/** How long at most to wait before trying again after losing to another opening, in ms. */
const BACKOFF_MS = 20

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
    const { newest, fence } = await takeOver(ledger, ctx)
    await publish(disk, layout, target, fence.inherited)
    await sweep(disk, layout, fence.seq)
    await ledger.prune(fence.seq)
    return new FileWriter({ ...at, ledger, ctx, fence, place, receipt: newest?.receipt ?? null })
  } catch (error) {
    throw sinkFailure(target, doing, error)
  }
}

/** Reads, asks, creates the fence entry; from the start if another owner was quicker. */
async function takeOver(ledger: Ledger, ctx: SinkContext): Promise<{ newest: Entry | null; fence: Entry }> {
  for (;;) {
    ctx.signal.throwIfAborted()
    const newest = await ledger.newest()
    const receipt = ctx.fence(newest?.receipt ?? null)
    const seq = (newest?.seq ?? 0) + 1
    if (newest === null && receipt.seq > 1) {
      const { pipeline, stage, partition, sinks } = ctx
      throw new ReceiptLost({ pipeline, stage, partition, sink: sinks.join(','), checkpointSeq: receipt.seq - 1 })
    }
    if (receipt.seq !== seq) throw new RangeError(`a fence receipt of seq ${receipt.seq} cannot follow ${seq - 1}`)
    const fence: Entry = {
      version: 1,
      ledger: ctx.ledgerKey,
      seq,
      nonce: randomUUID(),
      predecessor: newest?.nonce ?? null,
      receipt,
      files: [],
      inherited: newest === null ? [] : unfinished(newest),
    }
    if (await ledger.create(fence, seq)) return { newest, fence }
    await sleep(Math.random() * BACKOFF_MS)
  }
}
