import type { Blueprint } from '../definition/blueprint.js'
import { InvalidCommand } from '../errors/control.js'
import { taskWorkflowId } from '../protocol/names.js'
import type { PipelineInput } from '../protocol/pipeline.js'
import type { TaskState } from '../protocol/task.js'
import { readSavepoint } from './saved-task.js'
import { lastTaskState } from './task-history.js'
import type { WorkerContext } from './worker-context.js'

/** Checkpoints of two stages are never of one moment, but for those that a savepoint has stopped it for. */
export const SEVERAL_STAGES = 'a pipeline of several stages goes back to a savepoint only, and as a whole'

/** So many characters of the run that begins them name new topics between stages. */
const CHANNEL_CHARACTERS = 8

type Place = Pick<TaskState, 'stage' | 'partition' | 'channel'>

/**
 * Which topics are to lie between the stages: those that lay there, or new ones where a savepoint is gone back to, so that
 * nothing of what came behind it is in them. Undefined: the first. Throws `InvalidCommand` where that can't be gone back to,
 * and where stages have different ones.
 */
export async function channelOf(
  { client }: WorkerContext,
  { name: pipeline, stages }: Blueprint,
  { rewind, fresh = false, allowNonRestoredState = false }: PipelineInput,
  runId: string,
): Promise<string | undefined> {
  const refuse = (reason: string): never => {
    throw new InvalidCommand({ command: 'start', pipeline, reason })
  }
  if (rewind !== undefined && 'savepoint' in rewind.to) {
    const { tasks } = await readSavepoint(client, rewind.of ?? pipeline, rewind.to.savepoint)
    const lost = tasks.find(({ stage }) => stages.every(({ id }) => id !== stage))
    if (lost !== undefined && !allowNonRestoredState)
      refuse(`the savepoint has a stage '${lost.stage}', which it has not`)
  }
  if (stages.length < 2) return undefined
  if (rewind !== undefined) {
    if (!('savepoint' in rewind.to) || rewind.stage !== null || rewind.partition !== null) refuse(SEVERAL_STAGES)
    return runId.slice(0, CHANNEL_CHARACTERS)
  }
  const known: Place[] = []
  for (const { id } of stages) {
    const last = await lastTaskState(client, taskWorkflowId(pipeline, id, 0))
    if (last !== null) known.push(last)
  }
  const [first] = known
  if (first === undefined) return undefined
  // A fresh start begins behind whatever is there.
  const other = fresh ? undefined : known.find(({ channel }) => channel !== first.channel)
  if (other !== undefined) throw torn(pipeline, other, first.channel)
  return first.channel
}

/** Positions of one topic are none of another's: a task that a rewind has not come to can't go on beside those that it has. */
export function torn(
  pipeline: string,
  { stage, partition, channel }: Place,
  others: string | undefined,
): InvalidCommand {
  const reason =
    `a rewind to a savepoint was interrupted: task ${stage}/${partition} has ${topicsOf(channel)} between the stages, others have ` +
    `${topicsOf(others)}. Go back to the savepoint again (tidemark rewind ${pipeline} --to LABEL), or begin anew (start --fresh)`
  return new InvalidCommand({ command: 'start', pipeline, reason })
}

const topicsOf = (channel: string | undefined): string =>
  channel === undefined ? 'the first topics' : `topics '…-${channel}'`
