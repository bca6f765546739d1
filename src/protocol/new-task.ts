import { noCounters } from './checkpoint.js'
import type { TaskState } from './task.js'

/** Which task, and how it runs: all that isn't the same for every task that has done nothing yet. */
export type TaskPlace = Pick<TaskState, 'pipeline' | 'stage' | 'partition' | 'settings' | 'origin'>

/** A task at the start of its first generation, in no incarnation yet. */
export function newTask(place: TaskPlace): TaskState {
  return {
    version: 1,
    ...place,
    generation: 1,
    incarnation: 0,
    claim: 0,
    ownerRunId: null,
    checkpoint: { epoch: 0, positions: place.origin, ledgers: {}, identities: {} },
    scheduled: null,
    until: null,
    counters: noCounters,
    lag: null,
    ...atRest,
  }
}

/** What a start takes over is position and identity: nobody's pause, problem or session. */
export const atRest = {
  session: null,
  phase: 'running',
  ending: null,
  paused: null,
  problem: null,
  trouble: null,
  fencedByOthers: 0,
  blocked: null,
  acceptCodeChange: false,
} as const satisfies Partial<TaskState>
