import type { Positions } from '../definition/position.js'
import type { EpochMs } from '../units.js'
import type { Checkpoint, Counters, Problem, ScheduledEpoch } from './checkpoint.js'

/** running: claims and epochs go on · paused: by command · parked: by a problem · the others have ended. */
export type TaskPhase = 'running' | 'paused' | 'parked' | 'drained' | 'completed' | 'failed' | 'cancelled' | 'stopped'

/** How a task runs; from the plan, in ms. */
export interface TaskSettings {
  readonly taskQueue: string
  readonly checkpointMs: number
  readonly heartbeatMs: number
  /** How long an epoch without a record lasts. */
  readonly idleMs: number
  /** Continue as new after that many history events, if the server hasn't suggested it before. */
  readonly maxHistoryEvents: number
}

/**
 * All a task is, between two runs of its workflow and between two starts of its pipeline. Input, continue-as-new input
 * and result of `tidemarkTask`; opaque state will travel beside it.
 */
export interface TaskState {
  readonly version: 1
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly settings: TaskSettings
  /** Raised by every rewind, restore, fresh start. */
  readonly generation: number
  /** Raised by every start of the pipeline. */
  readonly incarnation: number
  /** Raised at every claim. */
  readonly claim: number
  /** Run id of the run that made the last claim; null before the first. Carried, so that continue-as-new needs no claim. */
  readonly ownerRunId: string | null
  /** Where the generation begins. */
  readonly origin: Positions
  readonly checkpoint: Checkpoint
  readonly scheduled: ScheduledEpoch | null
  /** A bounded run ends when the next position has reached it. */
  readonly until: Positions | null
  /** `until` is where it stops for a while: nothing comes to its end there, and a start goes on. */
  readonly stops?: true
  /** Which topics lie between the stages: see `PipelinePlan`. */
  readonly channel?: string
  /** The process that holds the session, between claim and loss. */
  readonly session: SessionRef | null
  readonly counters: Counters
  /** Records left behind the last checkpoint, as far as the source knew. */
  readonly lag: number | null
  readonly phase: TaskPhase
  /** How the task is to end as soon as it has nothing half done. */
  readonly ending: 'drained' | 'cancelled' | 'failed' | 'stopped' | null
  readonly paused: { readonly reason: string; readonly at: EpochMs } | null
  readonly problem: Problem | null
  /** What goes wrong just now and is tried again by itself. */
  readonly trouble: Problem | null
  /** Fenced by runs outside the own chain since the last checkpoint. */
  readonly fencedByOthers: number
  /** The step that last blocked its worker for long, and in which epoch: such a task gets a longer heartbeat time-out. */
  readonly blocked: { readonly step: string; readonly ms: number; readonly epoch: number } | null
  /** Accept outputs of changed code at the next claim (`resume --accept-code-change`). */
  readonly acceptCodeChange: boolean
  /** Let go, at the next claim, what no step of the plan takes (`start --allow-non-restored-state`). */
  readonly allowNonRestoredState?: true
}

/** Names a session and the queue it can be reached by. */
export interface SessionRef {
  readonly queue: string
  /** Identity of the worker, for people. */
  readonly worker: string
  /** The furthest position any ledger had at the claim, until an epoch has caught up with it. */
  readonly furthest: Positions | null
  /** A short hash over kind, settings and code of each step, by its id: tells later which of them were changed. */
  readonly steps?: Readonly<Record<string, string>>
  /** It ends epochs that stand still by itself. Absent in older versions, whose epochs need an end from outside. */
  readonly guarded?: true
}

/** What a task tells its pipeline at a change of state, nothing periodic. */
export interface TaskReport {
  readonly stage: string
  readonly partition: number
  readonly incarnation: number
  readonly phase: TaskPhase
  readonly worker: string | null
  readonly paused: TaskState['paused']
  readonly problem: Problem | null
  readonly positions: Positions
  readonly counters: Counters
}
