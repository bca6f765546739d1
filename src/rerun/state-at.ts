import type { Client } from '@temporalio/client'
import { checkpointAt } from '../control/checkpoint-at.js'
import type { TaskRef } from '../control/recorded-epochs.js'
import { restoreState } from '../engine/restore-state.js'
import { stageStates } from '../engine/stage-states.js'
import { InvalidCommand } from '../errors/control.js'
import { PlanIncompatible } from '../errors/state.js'
import type { StateEntry } from '../protocol/look.js'
import type { Rewind } from '../protocol/pipeline.js'
import { lookAt } from '../state/look.js'
import type { EpochMs } from '../units.js'
import { muted } from './muted.js'
import type { Code } from './shadow.js'

export interface StateReading {
  readonly client: Client
  readonly code: Code
  readonly task: TaskRef
  /** Id of the step. */
  readonly step: string
  /** Of this key only: its text. */
  readonly key?: string
  readonly at: Rewind['to'] | 'newest'
  /** At most so many entries. */
  readonly limit: number
}

/** What a step of one task knew at a checkpoint. */
export interface StateAt extends TaskRef {
  readonly step: string
  readonly generation: number
  readonly epoch: number
  readonly recordedAt: EpochMs | null
  /** All that match, those beyond the limit too. */
  readonly count: number
  readonly entries: readonly StateEntry[]
}

/**
 * Restores what a step kept at a checkpoint, from history or the state backend, and asks nobody else: neither source nor sink.
 * Throws `CheckpointNotFound`, `StateCorrupt`, `InvalidCommand` where that step keeps no state,
 * `PlanIncompatible` where it kept it with other settings than this code's.
 */
export async function stateAt({ client, code, task, step, key, at, limit }: StateReading): Promise<StateAt> {
  const { blueprint, stage, host } = code
  const states = stageStates(stage)
  if (states.versions[step] === undefined) {
    const others = Object.keys(states.versions).join(', ') || 'none does'
    const reason = `step '${step}' keeps no state in stage '${stage.id}'; these do: ${others}`
    throw new InvalidCommand({ command: 'state', pipeline: blueprint.name, reason })
  }
  const whose = { pipeline: blueprint.name, ...task }
  const { state, recordedAt, place } = await checkpointAt(client, whose, at)
  const { generation, incarnation, origin, checkpoint } = state
  const { signal } = new AbortController()
  const keeper = await restoreState({
    host,
    states,
    claim: {
      ...place,
      owner: { generation, incarnation, claim: 0, runId: 'state' },
      origin,
      checkpoint,
      scheduled: null,
      fingerprint: '',
      isReset: false,
      // What other code has kept is nothing to this question.
      allowNonRestoredState: true,
    },
    blueprint: muted(blueprint),
    signal,
    time: () => 0,
  })
  await keeper.close()
  const others = states.otherForms(step)
  if (others.length > 0) throw new PlanIncompatible({ ...whose, steps: others })
  const { count, entries } = lookAt(states, { step, limit, ...(key !== undefined && { key }) })
  return { ...task, step, generation, epoch: checkpoint.epoch, recordedAt, count, entries: [...entries] }
}
