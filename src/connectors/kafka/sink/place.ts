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
  /** How far apart two readings are that must agree, in ms. */
  readonly settleMs: number
  /** How long a ledger may show less than history knows before that is believed, in ms. */
  readonly catchUpMs: number
  /** After so long the broker aborts a transaction, in ms. */
  readonly transactionMs: number
  /** An offset that wasn't committed for so long is committed again, in ms. */
  readonly refreshMs: number
}
