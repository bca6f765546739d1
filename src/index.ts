/** Definition of pipelines. Connects nothing; safe to import from clients and tools. */
export { explain } from './definition/explain.js'
export type {
  ExplainedSink,
  ExplainedStage,
  ExplainedStep,
  Explanation,
  PromisedGuarantee,
} from './definition/explain.js'
export { definePipeline } from './definition/define-pipeline.js'
export type { Ends, Pipeline, PipelineOptions, Sinks, Streams, UniqueIds } from './definition/pipeline.js'
export { otherwise } from './definition/stream.js'
export type { End, Fn, Guarded, JoinedStream, Stream, Sync, WindowedStream } from './definition/stream.js'
export { table } from './definition/table.js'
export type { Table, TableSource } from './definition/table.js'
export type { JoinKind, JoinOptions, JoinTableOptions, Left, Right } from './definition/joins.js'
export { hopping, session, sliding, tumbling } from './definition/windows.js'
export type { SessionWindow, TimeWindow, Windowed, WindowOptions } from './definition/windows.js'
export { aggregate, average, collect, combine, count, max, min, reduce, sum } from './definition/aggregators/index.js'
export type { Aggregator, MergeableAggregator } from './definition/aggregator.js'
export type { StatefulOptions, StateOptions } from './definition/state-options.js'
export type { StatefulContext, StatefulStep, StateHandle, TimerContext, Timers } from './definition/stateful-step.js'
export type { AsyncContext, AsyncOptions, KeyOf, StepContext } from './definition/context.js'
export type { EventTime, Missing, Unkeyed, Untimed } from './definition/marks.js'

export { deadLetter } from './definition/dead-letter-policy.js'
export type { DeadLetterOptions, DeadLetterPolicy } from './definition/dead-letter-policy.js'
export type { DeadLetter, RecordFailure } from './definition/dead-letter.js'

export { bytes, json, nullable, text } from './definition/serdes/index.js'
export type { Schema, SchemaIssue, SchemaResult } from './definition/serdes/index.js'
export type { DecodeContext, Decoder, Encoder, Serde } from './definition/serde.js'
export type { Headers } from './definition/headers.js'

export { defineSource } from './definition/define-source.js'
export type {
  AnySource,
  Bounds,
  BoundsContext,
  OpenContext,
  PollLimits,
  Source,
  SourceBatch,
  SourceContext,
  SourceDefinition,
  SourceReader,
  SourceRecord,
  StartAt,
} from './definition/source.js'
export type { ComparePositions, Position, Positions } from './definition/position.js'

export { defineSink } from './definition/define-sink.js'
export type {
  Guarantee,
  IdempotentSink,
  IdempotentWriter,
  Item,
  Origin,
  Output,
  Owner,
  Receipt,
  Sink,
  SinkContext,
  SinkDefinition,
  TransactionalSink,
  TransactionalWriter,
  WriteResult,
} from './definition/sink.js'
export type { SegmentStore, StateBackend, StateContext } from './definition/state-backend.js'
export type { StateStore, ValueStore } from './definition/state-store.js'
export type { Fault } from './definition/fault.js'

export type { Bytes, Duration, EpochMs } from './units.js'

export { isTidemarkError } from './errors/is.js'
export type { ErrorDetails, TidemarkErrorOf } from './errors/is.js'
export { TidemarkError } from './errors/base.js'
export { errorCatalog, type CatalogEntry, type ErrorCode } from './errors/catalog.js'
export {
  ControlError,
  DefinitionError,
  OwnershipError,
  RecordError,
  SinkError,
  SourceError,
  StateError,
} from './errors/families.js'
export { InvalidDefinition, NotCoPartitioned } from './errors/definition.js'
export { DecodeFailed, KeyNotInPartition, RecordRejected, StepFailed, StepTimeout } from './errors/record.js'
export {
  CorruptBatch,
  PartitionCountMismatch,
  PartitionsLost,
  PositionLost,
  SourceChanged,
  SourceUnauthorized,
  SourceUnavailable,
  SourceUnsupported,
} from './errors/source.js'
export {
  CodeChanged,
  ForeignReceipt,
  LedgerAhead,
  NonDeterministicStep,
  ReceiptLost,
  SinkBehind,
  SinkUnauthorized,
  SinkUnavailable,
} from './errors/sink.js'
export { ForeignOwner, GenerationFenced, NotCaughtUp, SessionLost } from './errors/ownership.js'
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
} from './errors/control.js'
export {
  CheckpointsFailed,
  PlanIncompatible,
  StateBackendMissing,
  StateBackendUnavailable,
  StateCorrupt,
  StateNotKeepable,
  StateStoreUnavailable,
  StateTooLarge,
} from './errors/state.js'
export { StackUnavailable } from './errors/stack.js'
