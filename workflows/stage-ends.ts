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
  const { plan, phase, ends } = state
  if (plan.input.until === null || phase === 'draining' || phase === 'cancelled') return null
  const due = plan.stages.find(
    ({ id, after }) => after !== undefined && ends?.[id] === undefined && !waits(state, id) && isRunning(state, id),
  )
  return due?.id ?? null
}

const isRunning = ({ tasks }: PipelineState, stage: string): boolean =>
  tasks.some((task) => task.stage === stage && !hasEnded(task.phase))

/** The ends of a stage, by partition, from now on. */
export const withEnds = (state: PipelineState, stage: string, ends: readonly Positions[]): PipelineState => ({
  ...state,
  ends: { ...state.ends, [stage]: ends },
})

type Place = Pick<TaskEntry, 'stage' | 'partition'>

/** Where a task of a bounded run is to end, as far as it wasn't known when the run began. */
export const endOf = ({ ends }: PipelineState, { stage, partition }: Place): Positions | null =>
  ends?.[stage]?.[partition] ?? null

/** What was known of where a task is to end, and what is told later. */
export const withEnd = (until: Positions | null, told: Positions | null): Positions | null =>
  told === null ? until : { ...until, ...told }
