/** S3: as a sink, objects and ledger entries that say which of them are committed; and as a place for state. */
export { s3State, type S3StateOptions } from './s3-state.js'
export { s3Sink, type S3SinkOptions } from './s3-sink.js'
export { readCommitted, type CommittedObject, type ReadCommittedOptions } from './read-committed.js'
export { removeUncommitted } from './remove-uncommitted.js'
export type { S3Connection, S3Credentials } from './s3-connection.js'
