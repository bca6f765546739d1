import type { PipelineState, TaskEntry } from '../src/protocol/pipeline.js'
import type { Positions } from '../src/definition/position.js'
import { hasEnded, shouldRun } from './task-control.js'

/**
 * Whether a stage of a bounded run waits for others to end: what they write is its source, so its own end is only known
 * then. One that is to be started again has not written all.
 */
export function waits({ plan, tasks }: PipelineState, stage: string): boolean {
  if (plan.input.until === null) return false
  const before = plan.stages.find(({ id }) => id === stage)?.after ?? []
  return tasks.some((task) => before.includes(task.stage) && shouldRun(task))
}

/** A stage whose end is to be found out now: all that it reads from have ended. Null: none. */
export function stageToEnd(state: PipelineState): string | null {
  const { plan, phase, ends, stops } = state
  if (stops !== undefined) return stageToStop(state, stops)
  if (plan.input.until === null || phase === 'draining' || phase === 'cancelled') return null
  const due = plan.stages.find(
    ({ id, after }) => after !== undefined && ends?.[id] === undefined && !waits(state, id) && isRunning(state, id),
  )
  return due?.id ?? null
}

/** The same of a drain that goes stage by stage. */
function stageToStop(state: PipelineState, stops: NonNullable<PipelineState['stops']>): string | null {
  if (state.phase !== 'draining') return null
  const due = state.plan.stages.find(
    ({ id, after }) =>
      after !== undefined &&
      stops[id] === undefined &&
      !after.some((before) => isRunning(state, before)) &&
      isRunning(state, id),
  )
  return due?.id ?? null
}

const isRunning = ({ tasks }: PipelineState, stage: string): boolean =>
  tasks.some((task) => task.stage === stage && !hasEnded(task.phase))

/** The ends of a stage, by partition, from now on. */
export const withEnds = (state: PipelineState, stage: string, ends: readonly Positions[]): PipelineState =>
  state.stops === undefined
    ? { ...state, ends: { ...state.ends, [stage]: ends } }
    : { ...state, stops: { ...state.stops, [stage]: ends } }

type Place = Pick<TaskEntry, 'stage' | 'partition'>

/** Where a task of a bounded run is to end, as far as it wasn't known when the run began; or where it is to stop. */
export const endOf = ({ ends, stops }: PipelineState, { stage, partition }: Place): Positions | null =>
  (stops ?? ends)?.[stage]?.[partition] ?? null

/** What was known of where a task is to end, and what is told later. */
export const withEnd = (until: Positions | null, told: Positions | null): Positions | null =>
  told === null ? until : { ...until, ...told }

/** What a task of that stage is told when its end is known. */
export const wordOf = ({ stops, incarnation }: PipelineState) =>
  ({
    kind: stops === undefined ? 'until' : 'drain',
    reason: 'all it reads is written',
    acceptCodeChange: false,
    incarnation,
  }) as const
