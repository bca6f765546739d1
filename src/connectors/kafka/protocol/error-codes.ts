/** Error codes of the Kafka protocol that a reader can meet, and what each of them means for it. */
export interface ErrorMeaning {
  readonly name: string
  readonly means: 'passing' | 'missing' | 'forbidden' | 'out of range' | 'corrupt' | 'unsupported'
}

const meanings: ReadonlyMap<number, ErrorMeaning> = new Map<number, ErrorMeaning>([
  [-1, { name: 'UNKNOWN_SERVER_ERROR', means: 'passing' }],
  [1, { name: 'OFFSET_OUT_OF_RANGE', means: 'out of range' }],
  [2, { name: 'CORRUPT_MESSAGE', means: 'corrupt' }],
  [3, { name: 'UNKNOWN_TOPIC_OR_PARTITION', means: 'missing' }],
  [5, { name: 'LEADER_NOT_AVAILABLE', means: 'passing' }],
  [6, { name: 'NOT_LEADER_OR_FOLLOWER', means: 'passing' }],
  [7, { name: 'REQUEST_TIMED_OUT', means: 'passing' }],
  [8, { name: 'BROKER_NOT_AVAILABLE', means: 'passing' }],
  [9, { name: 'REPLICA_NOT_AVAILABLE', means: 'passing' }],
  [13, { name: 'NETWORK_EXCEPTION', means: 'passing' }],
  [29, { name: 'TOPIC_AUTHORIZATION_FAILED', means: 'forbidden' }],
  [31, { name: 'CLUSTER_AUTHORIZATION_FAILED', means: 'forbidden' }],
  [33, { name: 'UNSUPPORTED_SASL_MECHANISM', means: 'forbidden' }],
  [35, { name: 'UNSUPPORTED_VERSION', means: 'unsupported' }],
  [56, { name: 'KAFKA_STORAGE_ERROR', means: 'passing' }],
  [58, { name: 'SASL_AUTHENTICATION_FAILED', means: 'forbidden' }],
  [74, { name: 'FENCED_LEADER_EPOCH', means: 'passing' }],
  [75, { name: 'UNKNOWN_LEADER_EPOCH', means: 'passing' }],
  [76, { name: 'UNSUPPORTED_COMPRESSION_TYPE', means: 'unsupported' }],
  [78, { name: 'OFFSET_NOT_AVAILABLE', means: 'passing' }],
  [100, { name: 'UNKNOWN_TOPIC_ID', means: 'missing' }],
  [103, { name: 'INCONSISTENT_TOPIC_ID', means: 'missing' }],
])

/** What the protocol's error `code` means. One that isn't known is taken as passing: retried, then shown by its number. */
export function meaningOf(code: number): ErrorMeaning {
  return meanings.get(code) ?? { name: `error ${code}`, means: 'passing' }
}
