import type { Positions } from '../definition/position.js'
import type { Counters } from '../protocol/checkpoint.js'
import type { PipelineMemo } from '../protocol/messages.js'
import type { TaskPhase } from '../protocol/task.js'
import type { EpochMs } from '../units.js'

/** `terminated`: somebody ended the workflow from outside; a start goes on from the last checkpoint, as after any other end. */
export type PipelineStateName =
  'starting' | 'running' | 'paused' | 'draining' | 'cancelling' | 'completed' | 'failed' | 'cancelled' | 'terminated'

/** `starting`: not yet taken up by a worker · `missing`: the namespace knows no such workflow. */
export type TaskStateName = TaskPhase | 'starting' | 'terminated' | 'missing'

/** What stands in the way, and what to do about it. `code` is one of `errorCatalog`, or that of an error of one's own. */
export interface StatusProblem {
  readonly code: string
  readonly message: string
  readonly next: string
}

/** A command, and since when it holds. */
export interface PausedSince {
  readonly reason: string
  readonly at: EpochMs
}

/** What Temporal says of the one activity a task has under way. */
export interface TaskActivity {
  /** `tidemark.claim`, `tidemark.runEpoch`. */
  readonly type: string
  /** `scheduled`: no worker has taken it up yet. */
  readonly state: 'scheduled' | 'started'
  readonly attempt: number
  readonly scheduledAt: EpochMs | null
  readonly startedAt: EpochMs | null
  readonly heartbeatAt: EpochMs | null
  /** Message of the last failed attempt. */
  readonly failure: string | null
}

/** One stage on one partition. Positions and figures are those of the newest checkpoint in history. */
export interface TaskStatus {
  readonly stage: string
  readonly partition: number
  readonly workflowId: string
  readonly state: TaskStateName
  readonly generation: number
  readonly epoch: number
  /** Next positions to read, by source. */
  readonly positions: Positions
  /** How far event time has come; null where there is none. */
  readonly watermark: EpochMs | null
  /** When the newest checkpoint was recorded; null where this start has none yet. */
  readonly recordedAt: EpochMs | null
  /** Records left behind the newest checkpoint, as far as the source knew. */
  readonly lag: number | null
  /** Since the generation's first start. */
  readonly counters: Counters
  /** Identity of the worker that holds the session, as last told. */
  readonly worker: string | null
  readonly activity: TaskActivity | null
  /** What it waits for, as a phrase: `for a worker: none polls task queue 'tidemark'`, `for an end of SourceUnavailable: …`. Null: it gets on. */
  readonly waiting: string | null
  readonly paused: PausedSince | null
  readonly problem: StatusProblem | null
}

/** A pipeline as Temporal knows it. Told also while no worker is up: nothing here needs one. */
export interface PipelineStatus {
  readonly name: string
  readonly workflowId: string
  readonly runId: string
  readonly taskQueue: string
  readonly state: PipelineStateName
  /** Null until a worker has planned the pipeline. */
  readonly guarantee: PipelineMemo['guarantee'] | null
  /** How often the pipeline was started; 0 until it is planned. */
  readonly incarnation: number
  /** Of the newest workflow run: a long-lived pipeline continues as new now and then. */
  readonly startedAt: EpochMs
  readonly endedAt: EpochMs | null
  readonly paused: PausedSince | null
  /** Of the pipeline as a whole; those of tasks are in `tasks`. */
  readonly problem: StatusProblem | null
  readonly waiting: string | null
  /** Sum over tasks; null where no source knows. */
  readonly lag: number | null
  /** Sum over tasks. */
  readonly counters: Counters
  /** Identities of the workers that polled the task queue within the last minute or so. */
  readonly workers: readonly string[]
  readonly tasks: readonly TaskStatus[]
}
