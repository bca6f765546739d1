import type { KafkaConnection } from '../kafka-connection.js'
import type { Target } from './failure.js'
import type { LedgerNames } from './ledger-names.js'
import type { OpenLink } from './links.js'

/** What an opening, and the writer that comes of it, goes by. */
export interface Place {
  readonly connection: KafkaConnection
  readonly names: LedgerNames
  readonly target: Target
  readonly openLink: OpenLink
  readonly patienceMs: number
  /** After so long the broker aborts a transaction, in ms. */
  readonly transactionMs: number
  /** An offset that wasn't committed for so long is committed again, in ms. */
  readonly refreshMs: number
}
