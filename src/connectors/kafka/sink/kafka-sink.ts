import { defineSink } from '../../../definition/define-sink.js'
import { faultsOf } from '../../../definition/faults-of.js'
import { json } from '../../../definition/serdes/json.js'
import type { Sink, SinkContext, TransactionalSink } from '../../../definition/sink.js'
import { parseDuration } from '../../../units.js'
import { openBrokerLink } from '../broker-link.js'
import { kafkaConnectionSchema } from '../kafka-connection.js'
import { ledgerNames } from './ledger-names.js'
import type { OpenLink } from './links.js'
import { inspectLedger, openWriter } from './open.js'
import { type Outgoing, recordEncoder } from './outgoing.js'
import type { Place } from './place.js'
import { PATIENCE_MS } from './retry.js'
import { CATCH_UP_MS, SETTLE_MS } from './settled.js'
import { type KafkaSinkOptions, kafkaSinkSchema } from './sink-options.js'

/** A quarter of what brokers keep the offsets of a group without members for, by default 7 days. */
const REFRESH_MS = (7 * 86_400_000) / 4

/**
 * Writes to a Kafka topic, exactly-once: records and receipt are one transaction, visible to readers with
 * `isolation.level=read_committed` when it is committed. All Kafka sinks of a stage on one cluster share it. The receipt is
 * the metadata of an offset that the group `tidemark.<namespace>.<pipeline>.<stage>` commits for the topic
 * `tidemark.<namespace>.ledgers`, which is made if it isn't there. Needs Kafka 3.6 or later.
 *
 * Throws nothing: wrong options are reported by `definePipeline`. On a worker it fails with `SinkUnavailable`,
 * `SinkUnauthorized`, `GenerationFenced`, `SinkBehind`, `ReceiptLost`, `ForeignReceipt`, or `RecordRejected` for what brokers never take.
 */
export function kafkaSink<T>(options: KafkaSinkOptions<T>): Sink<T> {
  return defineSink(kafkaSinkDefinition(options))
}

/** What tests replace. */
export interface Wiring {
  readonly openLink: OpenLink
  readonly patienceMs: number
  readonly settleMs: number
  readonly catchUpMs: number
  readonly refreshMs: number
}

const wired: Wiring = {
  openLink: openBrokerLink,
  patienceMs: PATIENCE_MS,
  settleMs: SETTLE_MS,
  catchUpMs: CATCH_UP_MS,
  refreshMs: REFRESH_MS,
}

/** The sink over any connections: tests stop it between any two requests. */
export function kafkaSinkDefinition<T>(
  options: KafkaSinkOptions<T>,
  wiring: Wiring = wired,
): TransactionalSink<T, Outgoing> {
  const { topic, value = json(), cluster = 'default', compression = 'none', transactionTimeout = '1m' } = options
  const { key, headers, timestamp, partition } = options
  // What is no duration is a fault of the options.
  const transactionMs = parseDuration(transactionTimeout) ?? 60_000
  const placeOf = (ctx: Asked): Place => {
    const { pipeline, stage, partition: number, sinks } = ctx
    return {
      ...wiring,
      connection: kafkaConnectionSchema.parse(ctx.connection('kafka', cluster)),
      names: ledgerNames(ctx, cluster),
      target: { at: { pipeline, stage, partition: number, sink: sinks.join(',') }, target: `Kafka cluster ${cluster}` },
      transactionMs,
    }
  }
  return {
    kind: 'kafka',
    mode: 'transactional',
    // No id of a sink has a colon.
    scope: `kafka:${cluster}`,
    transactionMs,
    describe: typeof topic === 'string' ? `topic ${topic}` : 'topics by value',
    faults: faultsOf(kafkaSinkSchema, options, ''),
    encode: recordEncoder({ topic, value, key, headers, timestamp, partition, codec: compression }),
    digest: (record) => record.bytes,
    open: (ctx) => openWriter(placeOf(ctx), ctx),
    inspect: (ctx) => inspectLedger(placeOf(ctx), ctx.signal),
  }
}

type Asked = Pick<SinkContext, 'pipeline' | 'stage' | 'partition' | 'ledgerKey' | 'sinks' | 'connection'>
