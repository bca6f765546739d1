import type { Positions } from '../definition/position.js'
import type { Problem } from './checkpoint.js'
import type { PipelineCommand, PipelineState } from './pipeline.js'
import type { TaskReport, TaskState } from './task.js'

/**
 * Signals, updates and queries by name and payload. Plain names and types, so that client and workflows share them
 * without sharing an SDK.
 */
export const UPDATE = { command: 'tidemark.command' } as const
export const SIGNAL = {
  report: 'tidemark.report',
  control: 'tidemark.control',
  dropSavepoint: 'tidemark.dropSavepoint',
} as const
export const QUERY = { pipeline: 'tidemark.pipeline', task: 'tidemark.task' } as const
export const MEMO = { pipeline: 'tidemark', task: 'tidemark', savepoint: 'tidemark' } as const

/** What the pipeline tells a task, or `trouble`: what keeps the worker that has it from making a checkpoint. */
export interface TaskControl {
  readonly kind: PipelineCommand['kind'] | 'stop' | 'trouble' | 'until'
  readonly reason: string
  readonly acceptCodeChange: boolean
  /** Of the pipeline that says it: an older start's word doesn't count. */
  readonly incarnation: number
  readonly trouble?: Problem
  /** Where a bounded run's task ends, or with `drain` where it stops, by source: it could not be known before. */
  readonly until?: Positions
  /** Whose trouble it is. */
  readonly claim?: number
}

export interface Messages {
  readonly [UPDATE.command]: { readonly input: PipelineCommand; readonly output: { readonly accepted: true } }
  readonly [SIGNAL.report]: TaskReport
  readonly [SIGNAL.control]: TaskControl
  readonly [SIGNAL.dropSavepoint]: undefined
  readonly [QUERY.pipeline]: PipelineState
  readonly [QUERY.task]: TaskState
}

/** What the memo of a pipeline says at every change: status without a worker. */
export interface PipelineMemo {
  readonly phase: PipelineState['phase']
  readonly pipeline: string
  readonly stages: readonly string[]
  readonly guarantee: PipelineState['plan']['guarantee']
  readonly incarnation: number
  readonly tasks: readonly { readonly stage: string; readonly partition: number }[]
  readonly paused: PipelineState['paused']
  readonly problem: PipelineState['problem']
}

/** What the memo of a task says at every change of phase; positions come from history. */
export interface TaskMemo {
  readonly phase: TaskState['phase']
  readonly generation: number
  readonly incarnation: number
  readonly worker: string | null
  readonly paused: TaskState['paused']
  readonly problem: TaskState['problem']
  readonly trouble: TaskState['trouble']
  readonly since: number
}
