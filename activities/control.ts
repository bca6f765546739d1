import { Context } from '@temporalio/activity'
import { describePipeline } from '../src/control/describe.js'
import { discoverPartitions } from '../src/control/discover.js'
import { fenceGone } from '../src/control/fence-gone.js'
import { dropSavepoint } from '../src/control/drop-savepoint.js'
import { keepCheckpoint } from '../src/control/keep-checkpoint.js'
import { takeOver } from '../src/control/take-over.js'
import type { WorkerContext } from '../src/control/worker-context.js'
import { ACTIVITY } from '../src/protocol/names.js'
import type {
  DiscoverInput,
  DiscoverResult,
  FenceGoneInput,
  PipelinePlan,
  TakeOverInput,
  TakeOverResult,
} from '../src/protocol/pipeline.js'
import type { KeepInput, SavedTask, SavepointInput } from '../src/protocol/savepoint.js'
import { asActivity } from './failure.js'
import { whileBeating } from './heartbeat.js'

/**
 * A mistyped name has to be told soon (this is about 6 s), yet where two workers differ, each try asks the wrong one half of
 * the time: so many are wrong in a row once in 16,000 starts.
 */
const PLAN_TRIES = 14
/** A second between tries would be told far too late. */
const ELSEWHERE_MS = 250

/** As its workflow has it. */
const KEEP_BEAT_MS = 30_000

/** On the pipelines' queue: any worker can do them. */
export interface ControlActivities {
  readonly [ACTIVITY.describePipeline]: (input: unknown, workflowId: string) => Promise<PipelinePlan>
  readonly [ACTIVITY.discoverPartitions]: (input: DiscoverInput) => Promise<DiscoverResult>
  readonly [ACTIVITY.takeOver]: (input: TakeOverInput) => Promise<TakeOverResult>
  readonly [ACTIVITY.fenceGone]: (input: FenceGoneInput) => Promise<void>
  readonly [ACTIVITY.keepCheckpoint]: (input: KeepInput) => Promise<SavedTask>
  readonly [ACTIVITY.dropSavepoint]: (input: SavepointInput) => Promise<void>
}

export function controlActivities(context: WorkerContext): ControlActivities {
  const signal = (): AbortSignal => Context.current().cancellationSignal
  const runId = (): string => Context.current().info.workflowExecution?.runId ?? ''
  return {
    [ACTIVITY.describePipeline]: asActivity(
      (input, workflowId) => describePipeline(context, input, { workflowId, runId: runId() }),
      {
        tries: PLAN_TRIES,
        afterMs: ELSEWHERE_MS,
      },
    ),
    [ACTIVITY.discoverPartitions]: asActivity((input) => discoverPartitions(context, input, signal())),
    [ACTIVITY.takeOver]: asActivity((input) => takeOver(context, input, signal())),
    [ACTIVITY.fenceGone]: asActivity((input) => fenceGone(context, input, signal())),
    [ACTIVITY.keepCheckpoint]: asActivity((input) =>
      whileBeating(context, KEEP_BEAT_MS, () => keepCheckpoint(context, input, runId(), signal())),
    ),
    [ACTIVITY.dropSavepoint]: asActivity((input) => dropSavepoint(context, input, signal())),
  }
}
