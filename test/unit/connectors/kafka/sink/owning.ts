import { headersOf, noHeaders } from '../../../../../src/definition/headers.js'
import type {
  Item,
  Output,
  Owner,
  Receipt,
  SinkContext,
  TransactionalSink,
  TransactionalWriter,
} from '../../../../../src/definition/sink.js'
import { RecordRejected } from '../../../../../src/errors/record.js'
import type { Outgoing } from '../../../../../src/connectors/kafka/sink/outgoing.js'
import { fenceAs } from '../../../../../src/testing/contract/fence.js'

export interface Owned {
  readonly sink: TransactionalSink<never, Outgoing>
  readonly context: Pick<SinkContext, 'pipeline' | 'stage' | 'partition' | 'ledgerKey' | 'connection'>
}

/** An owner that holds a place, and what it is to write. */
export interface Holder {
  readonly writer: TransactionalWriter<Outgoing>
  readonly fence: Receipt
  write(...outputs: readonly Partial<Output<unknown>>[]): Promise<void>
  /** Of the next seq, unless another one is given. */
  commit(more?: Partial<Receipt>): Promise<Receipt>
}

export const ownerOf = (claim: number, runId = 'run-1'): Owner => ({ generation: 1, incarnation: 1, claim, runId })

/** `fence`: in place of the rule that nothing is wrong. */
export async function hold({ sink, context }: Owned, claim = 1, more: Partial<SinkContext> = {}): Promise<Holder> {
  const owner = ownerOf(claim)
  const { pipeline, stage, partition } = context
  const decide = fenceAs(owner, { numbers: '0' }, { pipeline, stage, partition, sink: 'out', owner, ledgerOwner: null })
  let fence: Receipt | undefined
  const writer = await sink.open({
    ...whole(context),
    owner,
    fence: (found) => (fence = decide(found)),
    reject(itemId, reason) {
      const origin = { source: itemId, partition, position: '' }
      throw new RecordRejected({ pipeline, stage, origin, step: 'out', reason })
    },
    ...more,
  })
  let last = fence
  let written = 0
  return {
    writer,
    get fence() {
      if (fence === undefined) throw new Error('the sink has not asked for a fence receipt')
      return fence
    },
    async write(...outputs) {
      await writer.write(outputs.map((output) => itemOf(sink, { id: `item-${written++}`, ...output })))
    },
    async commit(changes = {}) {
      if (last === undefined) throw new Error('nothing to follow')
      const receipt = { ...last, seq: last.seq + 1, epoch: 1, time: 1, ...changes }
      await writer.commit(receipt)
      last = receipt
      return receipt
    },
  }
}

export function inspect({ sink, context }: Owned): Promise<Receipt | null> {
  return sink.inspect(whole(context))
}

const whole = (context: Owned['context']) => ({ ...context, sinks: ['out'], signal: new AbortController().signal })

export function itemOf(
  sink: Owned['sink'],
  output: Partial<Output<unknown>>,
  id = output.id ?? 'item',
): Item<Outgoing> {
  return { id, sink: 'out', data: sink.encode(outputOf(output) as Output<never>) }
}

const outputOf = (output: Partial<Output<unknown>>): Output<unknown> => ({
  value: null,
  key: null,
  timestamp: 1_700_000_000_000,
  headers: noHeaders,
  origin: { source: 'numbers', partition: 3, position: '0' },
  id: 'item',
  ...output,
})

export { headersOf }
