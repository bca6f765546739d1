import type { Guarantee } from '../definition/sink.js'
import type { StartAt } from '../definition/source.js'
import type { Positions } from '../definition/position.js'
import type { EpochMs } from '../units.js'
import type { Counters } from './checkpoint.js'
import type { TaskReport, TaskSettings, TaskState } from './task.js'

/** Back to a checkpoint that histories still have, or a savepoint: the state of its tasks begins a new generation. */
export interface Rewind {
  /** The epoch that the checkpoint ended, 0 for a generation's beginning; or the newest recorded by a time (epoch ms). */
  readonly to:
    | { readonly epoch: number; readonly generation: number | null }
    | { readonly time: EpochMs }
    | { readonly savepoint: string }
  /** Null: of every stage, of every partition. */
  readonly stage: string | null
  readonly partition: number | null
  /** Whose checkpoint it is, where that is another pipeline's: this one is forked from it. */
  readonly of?: string
}

/** Input of `tidemarkPipeline`, as a person writes it: `{"pipeline":"NAME"}` is enough. */
export interface PipelineInput {
  readonly pipeline: string
  /** Ends by itself at the ends found at the start. */
  readonly until?: 'latest'
  /** Begins a new generation instead of going on from the last checkpoint. */
  readonly fresh?: boolean
  /** With `fresh`, or at the very first start: where to begin. Times are ISO 8601. */
  readonly from?:
    | 'earliest'
    | 'latest'
    | { readonly timestamp: string | number }
    | { readonly offsets: Readonly<Record<string, string>> }
  /** Milliseconds between checkpoints, over the definition's. */
  readonly checkpointMs?: number
  /** Continue as new after that many history events; default: when the server suggests it. */
  readonly maxHistoryEvents?: number
  /** State that no step of the plan takes is let go, instead of `PlanIncompatible`. */
  readonly allowNonRestoredState?: boolean
  readonly rewind?: Rewind
}

/** One stage as the plan shows it. */
export interface StagePlan {
  readonly id: string
  readonly sources: readonly { readonly id: string; readonly kind: string; readonly describe: string }[]
  readonly steps: readonly { readonly id: string; readonly kind: string }[]
  readonly sinks: readonly { readonly id: string; readonly kind: string; readonly describe: string }[]
  /** Stages whose outputs it reads. Absent: none. */
  readonly after?: readonly string[]
  /** It reads sources of the pipeline's as well. */
  readonly beside?: true
}

/** Result of `tidemark.describePipeline`: what a worker knows and workflows may know. */
export interface PipelinePlan {
  readonly pipeline: string
  readonly stages: readonly StagePlan[]
  readonly guarantee: { readonly value: Guarantee; readonly because: string }
  readonly fingerprint: string
  readonly settings: TaskSettings
  readonly discoveryMs: number
  /** Search attributes this namespace has registered. */
  readonly searchAttributes: boolean
  /** Which topics lie between its stages: a word of their names. Absent: the first. */
  readonly channel?: string
  /** The validated input: what the run goes by. */
  readonly input: NormalInput
}

export interface NormalInput {
  readonly until: 'latest' | null
  readonly fresh: boolean
  readonly from: StartAt | null
  readonly allowNonRestoredState?: true
  readonly rewind?: Rewind
}

/** Input of `tidemark.discoverPartitions`. */
export interface DiscoverInput {
  readonly pipeline: string
  readonly stage: string
  /** Whether to count partitions: where tasks only end, the source isn't asked. */
  readonly count: boolean
  /** Tasks that should be running: each is looked after. */
  readonly running: readonly number[]
  /** Whether to tell where each partition ends now: of those counted, else of those up to the last one that is running. */
  readonly ends?: boolean
  /** And of all that the stage reads, not only of what other stages write. */
  readonly whole?: boolean
  /** See `PipelinePlan`. */
  readonly channel?: string
}

export interface DiscoverResult {
  readonly partitions: number
  /** Of the tasks that should be running, those whose workflow isn't. */
  readonly gone: readonly number[]
  /** Of the first of them, how far they are: for the details that a person reads. */
  readonly progress: readonly TaskProgress[]
  /** By partition, where it was asked for. */
  readonly ends?: readonly Positions[]
}

/** How far a task was at its last checkpoint. */
export interface TaskProgress {
  readonly partition: number
  readonly positions: Positions
  readonly counters: Counters
}

/** Input of `tidemark.takeOver`: closes what runs of an older start, then reads where it stopped (PROTOCOL §1 "Starting"). */
export interface TakeOverInput {
  readonly pipeline: string
  readonly stage: string
  readonly partitions: readonly number[]
  readonly settings: TaskSettings
  readonly input: NormalInput
  /** Partitions found after the start begin at earliest. */
  readonly late: boolean
  /** Of the start that asks, 0 before it has one: a task of that very start goes on as it was, and begins nothing anew. */
  readonly incarnation: number
  /** See `PipelinePlan`. */
  readonly channel?: string
  /** How many tasks the stage has, those not asked for too; absent where a few are found later. */
  readonly count?: number
}

export interface TakeOverResult {
  /** One per partition asked for, ready to be the input of its task. `phase` tells which have nothing left to do. */
  readonly tasks: readonly TaskState[]
}

/** Input of `tidemark.fenceGone`: a stage has fewer tasks than it had. */
export interface FenceGoneInput {
  readonly pipeline: string
  readonly stage: string
  /** The first partition that has no task any more. */
  readonly from: number
  /** Of the start that asks. Where that isn't the newest any more, nobody is fenced. */
  readonly runId: string
}

export type PipelinePhase = 'starting' | 'running' | 'paused' | 'draining' | 'completed' | 'failed' | 'cancelled'

/** What a pipeline workflow knows of a task. */
export interface TaskEntry extends TaskReport {
  readonly since: EpochMs
}

/** A command that has been accepted and not yet passed on to every task it is for. */
export interface PipelineCommand {
  readonly kind: 'pause' | 'resume' | 'drain' | 'cancel'
  readonly partition: number | null
  readonly stage: string | null
  readonly reason: string
  readonly acceptCodeChange: boolean
  /** Of a drain: stage by stage, each up to all that the one before has written. */
  readonly aligned?: true
}

/** Carried by `tidemarkPipeline` through continue-as-new. */
export interface PipelineState {
  readonly version: 1
  readonly plan: PipelinePlan
  readonly incarnation: number
  readonly phase: PipelinePhase
  readonly tasks: readonly TaskEntry[]
  /** Accepted, not yet passed on. */
  readonly commands: readonly PipelineCommand[]
  /** Partitions paused one by one, and all of them; new tasks follow it. */
  readonly paused: { readonly reason: string; readonly at: EpochMs } | null
  readonly startedAt: EpochMs
  /** Of a bounded run of several stages: where the later ones end, by stage and partition, once those before have ended. */
  readonly ends?: Readonly<Record<string, readonly Positions[]>>
  /** Present: it is drained stage by stage. Where the later ones stop, as in `ends`. */
  readonly stops?: Readonly<Record<string, readonly Positions[]>>
  readonly problem: { readonly code: string; readonly message: string; readonly next: string } | null
}
