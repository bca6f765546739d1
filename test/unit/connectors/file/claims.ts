import { noHeaders } from '../../../../src/definition/headers.js'
import type { Item, Output, Owner, Receipt, SinkContext, TransactionalSink } from '../../../../src/definition/sink.js'
import { nodeDisk, type Disk } from '../../../../src/connectors/file/disk.js'
import { fileSinkDefinition, type FileSinkOptions } from '../../../../src/connectors/file/file-sink.js'
import type { Line } from '../../../../src/connectors/lines/line.js'
import { BUFFERED } from '../../../../src/connectors/file/pending.js'
import { fenceAs } from '../../../../src/testing/contract/fence.js'

export const ownerOf = (claim: number, generation = 1): Owner => ({ generation, incarnation: 1, claim, runId: 'run' })

/** What a task tells the sink. */
export function contextOf(owner: Owner, more: Partial<SinkContext> = {}): SinkContext {
  const task = { pipeline: 'flights', stage: 'main', partition: 3 }
  return {
    ...task,
    owner,
    ledgerKey: 'default/flights/main/3/files',
    sinks: ['files'],
    signal: new AbortController().signal,
    connection: () => undefined,
    fence: fenceAs(owner, { in: '0' }, { ...task, sink: 'files', owner, ledgerOwner: null }),
    reject(itemId, reason) {
      throw new Error(`${itemId} rejected: ${reason}`)
    },
    ...more,
  }
}

export function outputOf<T>(value: T, position = 0): Output<T> {
  const origin = { source: 'in', partition: 3, position: String(position) }
  return { value, key: null, timestamp: 0, headers: noHeaders, origin, id: `flights/main/in-3-${position}-0` }
}

/** A task's use of a file sink: opens it, writes values, commits. */
export async function claimFiles<T>(
  options: FileSinkOptions<T>,
  { claim = 1, disk = nodeDisk, buffered = BUFFERED, owner = ownerOf(claim), context = {} }: ClaimOptions = {},
) {
  const sink: TransactionalSink<T, Line> = fileSinkDefinition(options, disk, buffered)
  return await claimLines(sink, owner, context)
}

/** A task's use of a sink of lines: opens it, writes values, commits. */
export async function claimLines<T>(sink: TransactionalSink<T, Line>, owner: Owner, context: Partial<SinkContext>) {
  const ctx = contextOf(owner, context)
  const fences: Receipt[] = []
  const fence = (found: Receipt | null): Receipt => {
    const receipt = ctx.fence(found)
    fences.push(receipt)
    return receipt
  }
  const writer = await sink.open({ ...ctx, fence })
  let seq = fences.at(-1)?.seq ?? 0
  let position = Number(writer.receipt?.positions['in'] ?? 0)
  return {
    writer,
    sink,
    fence: { seq },
    write: (...values: readonly T[]) => {
      const items = values.map((value): Item<Line> => {
        const output = outputOf(value, position++)
        return { id: output.id, sink: 'files', data: sink.encode(output) }
      })
      return writer.write(items)
    },
    async commit(): Promise<Receipt> {
      const receipt: Receipt = {
        version: 1,
        seq: ++seq,
        owner,
        epoch: 1,
        time: 1,
        positions: { in: String(position) },
        digest: '',
        timersEpoch: null,
        fingerprint: 'f',
        rejections: [],
      }
      await writer.commit(receipt)
      return receipt
    },
  }
}

interface ClaimOptions {
  readonly claim?: number
  readonly disk?: Disk
  readonly buffered?: number
  readonly owner?: Owner
  readonly context?: Partial<SinkContext>
}
