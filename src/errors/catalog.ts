/**
 * Every error code with what it means for the caller: whether trying again can help, and what to do next.
 * Sandbox-safe: workflows read it to tell a parked task's user what to do.
 */
export interface CatalogEntry {
  readonly retryable: boolean
  readonly next: string
}

export const errorCatalog = {
  InvalidDefinition: { retryable: false, next: 'correct the listed paths' },
  NotCoPartitioned: { retryable: false, next: 'give the topics equally many partitions, then start again' },
  PlanIncompatible: {
    retryable: false,
    next: 'give the step its id and version back, or migrate; start --allow-non-restored-state lets go of what no step takes',
  },
  DecodeFailed: { retryable: false, next: 'mend the schema or the record and resume, or set onError' },
  StepFailed: { retryable: false, next: 'correct the step, deploy and resume, or set onError' },
  StepTimeout: { retryable: true, next: 'raise the timeout of the step, or set onError' },
  RecordRejected: { retryable: false, next: 'correct the record or the rule and resume, or set onError' },
  KeyNotInPartition: { retryable: false, next: 'use repartition in place of keyBy, or set onError' },
  SourceUnavailable: { retryable: true, next: 'nothing: it is retried with backoff' },
  SourceUnauthorized: { retryable: false, next: 'grant the named operation, then resume' },
  SourceUnsupported: { retryable: false, next: 'upgrade the brokers to Kafka 3.6 or later' },
  PositionLost: { retryable: false, next: "start --fresh --from a position that exists, or set onDataLoss: 'skip'" },
  PartitionsLost: { retryable: false, next: 'restore the topic or correct its name, or start --fresh' },
  PartitionCountMismatch: {
    retryable: false,
    next: "give the step's option `partitions` the number that the topic has, or stop it with a savepoint and rewind to that",
  },
  CorruptBatch: { retryable: false, next: 'repair the topic, or start --fresh --from a position past the batch' },
  SourceChanged: { retryable: false, next: 'begin a new generation at a stated position: start --fresh --from …' },
  SinkUnavailable: { retryable: true, next: 'nothing: it is retried from the receipt' },
  SinkUnauthorized: { retryable: false, next: 'grant the missing right or create the missing target, then resume' },
  SinkBehind: { retryable: false, next: 'restore the data the sink lost, or start --fresh --from its position' },
  NonDeterministicStep: {
    retryable: false,
    next: 'remove clock, random and I/O from the steps, then start --fresh --from the positions in status',
  },
  LedgerAhead: { retryable: false, next: "start --fresh: a generation above the ledger's" },
  ReceiptLost: { retryable: false, next: 'restore the ledger, or start --fresh' },
  ForeignReceipt: {
    retryable: false,
    next: 'give this sink a place of its own; if it was moved on purpose, start --fresh',
  },
  CodeChanged: {
    retryable: false,
    next: 'run the old code once more, or accept the change: resume --accept-code-change',
  },
  NotCaughtUp: { retryable: true, next: 'nothing: the same epoch runs again' },
  ForeignOwner: { retryable: false, next: 'stop one of the two installations, or give its sinks places of their own' },
  GenerationFenced: { retryable: false, next: 'nothing: another owner has taken over, this session ends' },
  SessionLost: { retryable: true, next: 'nothing: the task is claimed again' },
  StateTooLarge: { retryable: false, next: 'configure a state backend' },
  StateNotKeepable: {
    retryable: false,
    next: 'keep plain objects, or give the step a serde; deploy and resume',
  },
  StateBackendMissing: {
    retryable: false,
    next: 'give the pipeline its state backend back, then resume; or start --fresh --from …',
  },
  StateBackendUnavailable: { retryable: true, next: 'nothing: checkpoints are late, processing goes on' },
  StateStoreUnavailable: {
    retryable: true,
    next: "mend what the message names on that worker: its disk, or the store's package; the task claims again by itself",
  },
  CheckpointsFailed: {
    retryable: true,
    next: 'mend what the message names; the task goes on by itself, at the worst from its last checkpoint',
  },
  StateCorrupt: {
    retryable: false,
    next: 'where the pipeline was given another state backend, give it the old one back and resume; else rewind to a savepoint (of lost answers: to the last checkpoint), or start --fresh --from a position whose state can be built again',
  },
  PipelineNotFound: { retryable: false, next: 'see which pipelines there are: tidemark list' },
  PipelineAlreadyRunning: { retryable: false, next: 'use the running one (start --if-not-running), or drain it first' },
  CheckpointNotFound: { retryable: false, next: 'choose one that history still has' },
  SavepointNotFound: { retryable: false, next: 'see which there are: tidemark savepoint list' },
  SavepointExists: { retryable: false, next: 'choose another label, or delete that one: tidemark savepoint delete' },
  SavepointCopiesLeft: { retryable: false, next: 'remove by hand what the message names' },
  NotAligned: {
    retryable: false,
    next: 'start it again, then stop it with its savepoint: tidemark savepoint create … --stop',
  },
  CommandTimeout: { retryable: true, next: 'see who has not answered: tidemark status; then give it again' },
  InvalidCommand: { retryable: false, next: 'correct what the message names' },
  StackUnavailable: { retryable: false, next: 'install one of what the message lists' },
} as const satisfies Readonly<Record<string, CatalogEntry>>

export type ErrorCode = keyof typeof errorCatalog
