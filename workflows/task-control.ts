import type { Positions } from '../src/definition/position.js'
import type { TaskControl } from '../src/protocol/messages.js'
import type { Problem } from '../src/protocol/checkpoint.js'
import type { TaskPhase, TaskState } from '../src/protocol/task.js'

const ENDED: readonly TaskPhase[] = ['drained', 'completed', 'failed', 'cancelled', 'stopped']

export const hasEnded = (phase: TaskPhase): boolean => ENDED.includes(phase)

/**
 * Whether a task has to have a workflow that runs. One that stopped by itself thought that its pipeline was gone; one that
 * was cancelled alone, by hand, is as lost as one that was terminated.
 */
export function shouldRun({ phase }: { readonly phase: TaskPhase }): boolean {
  return !hasEnded(phase) || phase === 'stopped' || phase === 'cancelled'
}

/** The state after one command. Commands of an older start than the task's don't count. */
export function obey(state: TaskState, control: TaskControl, now: number): TaskState {
  if (control.incarnation < state.incarnation || hasEnded(state.phase)) return state
  switch (control.kind) {
    case 'pause':
      if (state.phase !== 'running') return state
      return { ...state, phase: 'paused', paused: { reason: control.reason, at: now }, trouble: null }
    case 'resume':
      return {
        ...state,
        phase: 'running',
        paused: null,
        problem: null,
        trouble: null,
        fencedByOthers: 0,
        acceptCodeChange: control.acceptCodeChange,
      }
    case 'drain':
      return control.until === undefined ? { ...state, ending: 'drained' } : stopping(state, control.until)
    case 'cancel':
      return { ...state, ending: 'cancelled' }
    case 'until':
      return { ...state, until: control.until === undefined ? state.until : { ...state.until, ...control.until } }
    case 'trouble':
      // The next checkpoint takes it back.
      if (state.session === null || control.claim !== state.claim) return state
      return { ...state, trouble: control.trouble ?? null }
    case 'stop':
      // One that has been resumed meanwhile goes on to its own end.
      return state.phase === 'parked' ? { ...state, ending: 'failed' } : state
  }
}

/** It is to go on up to there, and end. One that stands still can't be left behind what others have written. */
function stopping(state: TaskState, until: Positions): TaskState {
  // What was known of a bounded run's end stays.
  const going = { ...state, until: { ...until, ...state.until }, stops: true } as const
  if (state.phase === 'running') return going
  return { ...going, phase: 'running', paused: null, problem: null, trouble: null, fencedByOthers: 0 }
}

/** Stands still until somebody resumes it. A task that was to end ends as failed instead: it can't do better. */
export function park(state: TaskState, problem: Problem): TaskState {
  const isEnding = state.ending !== null || state.stops === true
  return { ...state, phase: isEnding ? 'failed' : 'parked', problem, trouble: null }
}

/** Whether an epoch under way should end early for what has been commanded. */
export function wantsPause(state: TaskState): boolean {
  return state.phase !== 'running' || state.ending !== null
}

/** Whether nothing half done keeps a task from ending: an unfinished epoch is run to its end by a drain only (PROTOCOL §3.9). */
export function mayEnd(state: TaskState): boolean {
  return state.ending !== null && (state.ending !== 'drained' || state.scheduled === null)
}
