import type { TaskControl } from '../src/protocol/messages.js'
import type {
  PipelineCommand,
  PipelinePhase,
  PipelinePlan,
  PipelineState,
  TaskEntry,
  TaskProgress,
} from '../src/protocol/pipeline.js'
import type { TaskReport, TaskState } from '../src/protocol/task.js'
import { waits } from './stage-ends.js'
import { hasEnded } from './task-control.js'
import { reportOf } from './task-details.js'

export function newPipeline(plan: PipelinePlan, now: number): PipelineState {
  return {
    version: 1,
    plan,
    incarnation: 0,
    phase: 'starting',
    tasks: [],
    commands: [],
    paused: null,
    startedAt: now,
    problem: null,
  }
}

/** The state after a task has told of itself. Tasks of older starts, and strangers, don't count. */
export function absorb(state: PipelineState, report: TaskReport, now: number): PipelineState {
  if (report.incarnation !== state.incarnation) return state
  const tasks = state.tasks.map((task) => (isSame(task, report) ? { ...report, since: now } : task))
  return { ...state, tasks }
}

/** The state with newer figures of tasks that haven't changed theirs. */
export function refreshed(state: PipelineState, stage: string, progress: readonly TaskProgress[]): PipelineState {
  const tasks = state.tasks.map((task) => {
    const newer = progress.find((p) => task.stage === stage && p.partition === task.partition)
    if (newer === undefined || newer.counters.read < task.counters.read) return task
    return { ...task, positions: newer.positions, counters: newer.counters }
  })
  return { ...state, tasks }
}

export const isSame = (a: { stage: string; partition: number }, b: { stage: string; partition: number }): boolean =>
  a.stage === b.stage && a.partition === b.partition

/** The state with a task that has just been started, in its place. */
export function withTask(state: PipelineState, task: TaskState, now: number): PipelineState {
  const entry: TaskEntry = { ...reportOf(task), since: now }
  const others = state.tasks.filter((other) => !isSame(other, entry))
  const tasks = [...others, entry].toSorted((a, b) => a.stage.localeCompare(b.stage) || a.partition - b.partition)
  return { ...state, tasks }
}

/** The state after a command, and which tasks have to be told. */
export function command(
  state: PipelineState,
  given: PipelineCommand,
  now: number,
): { readonly state: PipelineState; readonly tell: readonly TaskEntry[]; readonly control: TaskControl } {
  const { kind, reason, acceptCodeChange } = given
  // Of a drain stage by stage, the others hear when those before them have ended.
  const first = state.plan.stages.filter(({ after }) => after === undefined).map(({ id }) => id)
  const tell = tasksMeant(state, given.stage, given.partition).filter(
    (task) => !hasEnded(task.phase) && (given.aligned !== true || first.includes(task.stage)),
  )
  const control = { kind, reason, acceptCodeChange, incarnation: state.incarnation }
  const whole = given.partition === null && given.stage === null
  return { state: whole ? commandAll(state, given, now) : state, tell, control }
}

/** The tasks of a stage, of a partition, or both; null is any. */
function tasksMeant({ tasks }: PipelineState, stage: string | null, partition: number | null): readonly TaskEntry[] {
  return tasks.filter(
    (task) => (stage === null || stage === task.stage) && (partition === null || partition === task.partition),
  )
}

function commandAll(state: PipelineState, { kind, reason, aligned }: PipelineCommand, now: number): PipelineState {
  switch (kind) {
    case 'pause':
      return { ...state, phase: 'paused', paused: { reason, at: now } }
    case 'resume':
      return { ...state, phase: 'running', paused: null, problem: null }
    case 'drain':
      return { ...state, phase: 'draining', paused: null, ...(aligned === true && { stops: state.stops ?? {} }) }
    case 'cancel':
      return { ...state, phase: 'cancelled', paused: null }
  }
}

/** How a pipeline whose tasks have all ended has ended; null while one hasn't. A bounded run is completed only if every task is. */
export function outcomeOf(state: PipelineState): Extract<PipelinePhase, 'completed' | 'failed' | 'cancelled'> | null {
  const { tasks, phase } = state
  if (tasks.some((task) => !hasEnded(task.phase))) return null
  if (phase === 'cancelled') return 'cancelled'
  if (tasks.some((task) => task.phase === 'failed')) return 'failed'
  if (state.plan.input.until === null) return 'completed'
  return tasks.every((task) => task.phase === 'completed' || task.phase === 'drained') ? 'completed' : 'failed'
}

/** The state with tasks that nobody can tell any more counted as stopped. */
export function withStopped(state: PipelineState, stage: string, partitions: readonly number[]): PipelineState {
  const tasks = state.tasks.map((task) =>
    task.stage === stage && partitions.includes(task.partition) && !hasEnded(task.phase)
      ? { ...task, phase: 'stopped' as const }
      : task,
  )
  return { ...state, tasks }
}

/** A bounded run in which only parked tasks are left: nobody is to wait for them. */
export function isStuck(state: PipelineState): boolean {
  if (state.plan.input.until === null || state.phase === 'paused') return false
  const tasks = state.tasks.filter((task) => !waits(state, task.stage))
  return (
    tasks.some((task) => task.phase === 'parked') &&
    tasks.every((task) => task.phase === 'parked' || hasEnded(task.phase))
  )
}

/** Why this command can't be taken now, or null. Updates come from anybody: nothing of the payload is taken for granted. */
export function refusalOf(state: PipelineState | null, given: unknown): string | null {
  if (typeof given !== 'object' || given === null) return 'a command is an object'
  const { kind, partition, stage, reason } = given as Partial<Record<keyof PipelineCommand, unknown>>
  // Only a cancellation that Temporal knows of ends a workflow as cancelled.
  if (kind === 'cancel') return 'to cancel a pipeline, cancel its workflow'
  if (kind !== 'pause' && kind !== 'resume' && kind !== 'drain') {
    return `kind has to be pause, resume or drain, not ${JSON.stringify(kind)}`
  }
  if (typeof reason !== 'string') return 'reason has to be a text: it is kept in history'
  if (partition !== null && (typeof partition !== 'number' || !Number.isInteger(partition)))
    return 'partition has to be a number or null'
  if (stage !== null && typeof stage !== 'string') return 'stage has to be a name or null'
  if (kind === 'drain' && (partition !== null || stage !== null)) return `${kind} is for the whole pipeline`
  if (state === null || state.phase === 'starting') return null
  // Told twice, the tasks do no more than told once; and whoever asks again waits again.
  const again = kind === 'drain' && state.phase === 'draining'
  if (!again && (state.phase === 'draining' || state.phase === 'cancelled')) return `the pipeline is ${state.phase}`
  const asked = [stage === null ? [] : `stage '${stage}'`, partition === null ? [] : `partition ${partition}`].flat()
  const meant = tasksMeant(state, stage, partition)
  if (meant.length === 0) return `there is no such task: ${asked.join(', ')}`
  const over = asked.length > 0 && meant.every((task) => hasEnded(task.phase))
  return over ? `${asked.join(', ')} has ended as ${meant[0]?.phase}` : null
}
