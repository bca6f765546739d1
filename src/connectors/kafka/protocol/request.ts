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

/** What sets a Kafka 3.6 broker apart from a 3.5 one: AddPartitionsToTxn 4, which checks transactions on the broker (KIP-890). */
export const markOfKafka36 = { name: 'AddPartitionsToTxn', key: 24, version: 4 } as const

/** Milliseconds the broker asks us to hold back, beside the answer. */
export interface Throttled {
  readonly throttleMs: number
}
