export { TidemarkError } from './base.js'
export { errorCatalog, type CatalogEntry, type ErrorCode } from './catalog.js'
export {
  ControlError,
  DefinitionError,
  OwnershipError,
  RecordError,
  SinkError,
  SourceError,
  StateError,
} from './families.js'
export { InvalidDefinition, NotCoPartitioned } from './definition.js'
export { DecodeFailed, KeyNotInPartition, RecordRejected, StepFailed, StepTimeout } from './record.js'
export {
  CorruptBatch,
  PartitionCountMismatch,
  PartitionsLost,
  PositionLost,
  SourceChanged,
  SourceUnauthorized,
  SourceUnavailable,
  SourceUnsupported,
} from './source.js'
export {
  CodeChanged,
  ForeignReceipt,
  LedgerAhead,
  NonDeterministicStep,
  ReceiptLost,
  SinkBehind,
  SinkUnauthorized,
  SinkUnavailable,
} from './sink.js'
export { ForeignOwner, GenerationFenced, NotCaughtUp, SessionLost } from './ownership.js'
export {
  CheckpointNotFound,
  CommandTimeout,
  InvalidCommand,
  NotAligned,
  PipelineAlreadyRunning,
  PipelineNotFound,
  SavepointCopiesLeft,
  SavepointExists,
  SavepointNotFound,
} from './control.js'
export {
  CheckpointsFailed,
  PlanIncompatible,
  StateBackendMissing,
  StateBackendUnavailable,
  StateCorrupt,
  StateNotKeepable,
  StateStoreUnavailable,
  StateTooLarge,
} from './state.js'
export { StackUnavailable } from './stack.js'
