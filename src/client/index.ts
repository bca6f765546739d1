/** Starting, watching and steering pipelines through a Temporal client. Needs no worker, and no connection to Kafka. */
export { PipelineClient, type PipelineRef } from './pipeline-client.js'
export type {
  EndOptions,
  PauseOptions,
  PipelineHandle,
  ResumeOptions,
  StartedPipeline,
  Which,
} from './pipeline-handle.js'
export type { CheckpointInfo, CheckpointsOptions } from './checkpoints.js'
export type { LiveState, LiveStateOptions } from './live-state.js'
export type { StateEntry } from '../protocol/look.js'
export type { EpochEnd } from '../protocol/epoch.js'
export type { ForkOptions, RewindOptions, RewindPlan, RewindTo, RewoundTask } from './rewind.js'
export type { SavepointInfo, SavepointOptions } from './savepoints.js'
export type { SavedTask } from '../protocol/savepoint.js'
export type { StartOptions } from './start-options.js'
export type { PipelineListing } from './list-pipelines.js'
export type {
  PausedSince,
  PipelineStateName,
  PipelineStatus,
  StatusProblem,
  TaskActivity,
  TaskStateName,
  TaskStatus,
} from './status.js'
export type { PipelineResult } from '../../workflows/pipeline.js'
export type { Counters } from '../protocol/checkpoint.js'
