/** One call of the Kafka protocol: how its body is written, and how the answer is read. */
export interface KafkaRequest<Answer> {
  readonly api: Api
  /** The body, after the request header. */
  readonly body: Buffer
  /** Reads the answer after its header. Throws a RangeError for a truncated one. */
  readonly read: (body: Buffer) => Answer
}

export interface Api {
  readonly name: string
  readonly key: number
  readonly version: number
  /** Flexible versions have tagged fields, in the headers too. */
  readonly flexible: boolean
}

/**
 * The one version of each call that this library speaks. Fetch 13 names topics by id, so that a topic deleted and made
 * anew under a running reader can't be read by mistake.
 */
export const apis = {
  fetch: { name: 'Fetch', key: 1, version: 13, flexible: true },
  listOffsets: { name: 'ListOffsets', key: 2, version: 5, flexible: false },
  metadata: { name: 'Metadata', key: 3, version: 12, flexible: true },
} as const satisfies Readonly<Record<string, Api>>

/** What the sink speaks beside Metadata. OffsetFetch 7 can wait for transactions that are being ended (KIP-447). */
export const sinkApis = {
  produce: { name: 'Produce', key: 0, version: 8, flexible: false },
  metadata: apis.metadata,
  offsetFetch: { name: 'OffsetFetch', key: 9, version: 7, flexible: true },
  findCoordinator: { name: 'FindCoordinator', key: 10, version: 2, flexible: false },
  createTopics: { name: 'CreateTopics', key: 19, version: 4, flexible: false },
  initProducerId: { name: 'InitProducerId', key: 22, version: 1, flexible: false },
  addPartitionsToTxn: { name: 'AddPartitionsToTxn', key: 24, version: 1, flexible: false },
  addOffsetsToTxn: { name: 'AddOffsetsToTxn', key: 25, version: 1, flexible: false },
  endTxn: { name: 'EndTxn', key: 26, version: 1, flexible: false },
  txnOffsetCommit: { name: 'TxnOffsetCommit', key: 28, version: 2, flexible: false },
  createPartitions: { name: 'CreatePartitions', key: 37, version: 1, flexible: false },
} as const satisfies Readonly<Record<string, Api>>

/** What sets a Kafka 3.6 broker apart from a 3.5 one: AddPartitionsToTxn 4, which checks transactions on the broker (KIP-890). */
export const markOfKafka36 = { name: 'AddPartitionsToTxn', key: 24, version: 4 } as const

/** Milliseconds the broker asks us to hold back, beside the answer. */
export interface Throttled {
  readonly throttleMs: number
}
