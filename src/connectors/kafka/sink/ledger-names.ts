import { createHash } from 'node:crypto'
import type { SinkContext } from '../../../definition/sink.js'

/** What a ledger in Kafka is called. None of it ever changes. */
export interface LedgerNames {
  /** Temporal's, whose pipeline it is. */
  readonly namespace: string
  /** Fences: of two producers with one id, the younger ends the older. */
  readonly transactionalId: string
  /** Its committed offsets carry the receipts. It has no members. */
  readonly group: string
  /** Whose offsets they are. It holds no records. */
  readonly topic: string
  readonly partition: number
  /** Tells what another ledger has written under these names. */
  readonly mark: string
}

type Place = Pick<SinkContext, 'pipeline' | 'stage' | 'partition' | 'ledgerKey'>

/** The default cluster's ledgers do without its name. */
export function ledgerNames({ pipeline, stage, partition, ledgerKey }: Place, cluster: string): LedgerNames {
  const end = ledgerKey.lastIndexOf(`/${pipeline}/${stage}/${partition}/`)
  const namespace = end < 0 ? '' : ledgerKey.slice(0, end)
  const group = `tidemark.${namespace}.${pipeline}.${stage}${cluster === 'default' ? '' : `.${cluster}`}`
  return {
    namespace,
    transactionalId: `tidemark/${ledgerKey}`,
    group,
    topic: ledgerTopic(namespace),
    partition,
    mark: createHash('sha256').update(ledgerKey).digest('hex').slice(0, 16),
  }
}

/** The topic whose partitions stand for the tasks of a namespace. */
function ledgerTopic(namespace: string): string {
  return `tidemark.${namespace.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 220)}.ledgers`
}
