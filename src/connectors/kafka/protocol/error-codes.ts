/** Error codes of the Kafka protocol that a reader or a writer can meet, and what each of them means for it. */
export interface ErrorMeaning {
  readonly name: string
  readonly means:
    | 'passing'
    | 'missing'
    | 'forbidden'
    | 'out of range'
    | 'corrupt'
    | 'unsupported'
    /** Another producer has this one's transactional id now, or the coordinator has ended its transaction. */
    | 'fenced'
    /** Another broker coordinates this group or transactional id. */
    | 'moved'
    /** It was done before. */
    | 'done'
    | 'too large'
    /** The record itself, or a setting, is none that the broker takes. */
    | 'refused'
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
  [10, { name: 'MESSAGE_TOO_LARGE', means: 'too large' }],
  [12, { name: 'OFFSET_METADATA_TOO_LARGE', means: 'refused' }],
  [14, { name: 'COORDINATOR_LOAD_IN_PROGRESS', means: 'passing' }],
  [15, { name: 'COORDINATOR_NOT_AVAILABLE', means: 'moved' }],
  [16, { name: 'NOT_COORDINATOR', means: 'moved' }],
  [17, { name: 'INVALID_TOPIC_EXCEPTION', means: 'refused' }],
  [18, { name: 'RECORD_LIST_TOO_LARGE', means: 'too large' }],
  [19, { name: 'NOT_ENOUGH_REPLICAS', means: 'passing' }],
  [20, { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', means: 'passing' }],
  [29, { name: 'TOPIC_AUTHORIZATION_FAILED', means: 'forbidden' }],
  [30, { name: 'GROUP_AUTHORIZATION_FAILED', means: 'forbidden' }],
  [31, { name: 'CLUSTER_AUTHORIZATION_FAILED', means: 'forbidden' }],
  [32, { name: 'INVALID_TIMESTAMP', means: 'refused' }],
  [33, { name: 'UNSUPPORTED_SASL_MECHANISM', means: 'forbidden' }],
  [35, { name: 'UNSUPPORTED_VERSION', means: 'unsupported' }],
  [36, { name: 'TOPIC_ALREADY_EXISTS', means: 'done' }],
  [37, { name: 'INVALID_PARTITIONS', means: 'done' }], // asked for no more than there are by now
  [41, { name: 'NOT_CONTROLLER', means: 'passing' }],
  [44, { name: 'POLICY_VIOLATION', means: 'forbidden' }],
  [45, { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', means: 'fenced' }],
  [46, { name: 'DUPLICATE_SEQUENCE_NUMBER', means: 'done' }],
  [47, { name: 'INVALID_PRODUCER_EPOCH', means: 'fenced' }],
  [48, { name: 'INVALID_TXN_STATE', means: 'fenced' }],
  [49, { name: 'INVALID_PRODUCER_ID_MAPPING', means: 'fenced' }],
  [50, { name: 'INVALID_TRANSACTION_TIMEOUT', means: 'refused' }],
  [51, { name: 'CONCURRENT_TRANSACTIONS', means: 'passing' }],
  [53, { name: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', means: 'forbidden' }],
  [55, { name: 'OPERATION_NOT_ATTEMPTED', means: 'passing' }],
  [56, { name: 'KAFKA_STORAGE_ERROR', means: 'passing' }],
  [58, { name: 'SASL_AUTHENTICATION_FAILED', means: 'forbidden' }],
  [59, { name: 'UNKNOWN_PRODUCER_ID', means: 'fenced' }],
  [74, { name: 'FENCED_LEADER_EPOCH', means: 'passing' }],
  [75, { name: 'UNKNOWN_LEADER_EPOCH', means: 'passing' }],
  [76, { name: 'UNSUPPORTED_COMPRESSION_TYPE', means: 'unsupported' }],
  [78, { name: 'OFFSET_NOT_AVAILABLE', means: 'passing' }],
  [87, { name: 'INVALID_RECORD', means: 'refused' }],
  [88, { name: 'UNSTABLE_OFFSET_COMMIT', means: 'passing' }],
  [89, { name: 'THROTTLING_QUOTA_EXCEEDED', means: 'passing' }],
  [90, { name: 'PRODUCER_FENCED', means: 'fenced' }],
  [100, { name: 'UNKNOWN_TOPIC_ID', means: 'missing' }],
  [103, { name: 'INCONSISTENT_TOPIC_ID', means: 'missing' }],
  [120, { name: 'TRANSACTION_ABORTABLE', means: 'fenced' }],
])

/** What the protocol's error `code` means. One that isn't known is taken as passing: retried, then shown by its number. */
export function meaningOf(code: number): ErrorMeaning {
  return meanings.get(code) ?? { name: `error ${code}`, means: 'passing' }
}
