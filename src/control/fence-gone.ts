import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { Positions } from '../definition/position.js'
import { openOutlets, sinksOf } from '../engine/open-ledgers.js'
import { pipelineWorkflowId } from '../protocol/names.js'
import type { FenceGoneInput } from '../protocol/pipeline.js'
import type { TaskState } from '../protocol/task.js'
import { TaskPast } from './task-past.js'
import { blueprintIn, stageIn, type WorkerContext } from './worker-context.js'

/**
 * Tasks that a stage no longer has: their runs are closed and their ledgers taken from whoever still holds them, so that no
 * worker which was thought dead commits to them beside the tasks that have its keys now (PROTOCOL §2). Only where the
 * partitions of what the stage reads are our own can there be any.
 */
export async function fenceGone(
  context: WorkerContext,
  { pipeline, stage: id, from, runId }: FenceGoneInput,
  signal: AbortSignal,
): Promise<void> {
  const blueprint = blueprintIn(context, pipeline)
  const stage = stageIn(blueprint, id)
  if (stage.sources.every(({ source }) => source.internal !== true)) return
  // An attempt that stood still must not fence the tasks of a later start: that may have these partitions again.
  const { runId: newest } = await context.client.workflow.getHandle(pipelineWorkflowId(pipeline)).describe()
  if (newest !== runId) return
  for (let partition = from; ; partition++) {
    const past = new TaskPast(context, blueprint, stage, partition, signal)
    if (!(await past.exists())) return
    await past.closeRun()
    const last = await past.last()
    const positions = last?.checkpoint.positions ?? {}
    await fence(context, blueprint, stage, { partition, positions, ...(await past.above(last)) }, signal)
  }
}

interface Gone extends Pick<TaskState, 'partition' | 'generation' | 'incarnation'> {
  readonly positions: Positions
}

async function fence(
  { engine }: WorkerContext,
  blueprint: Blueprint,
  stage: Stage,
  { partition, generation, incarnation, positions }: Gone,
  signal: AbortSignal,
): Promise<void> {
  const claim = {
    pipeline: blueprint.name,
    stage: stage.id,
    partition,
    owner: { generation, incarnation, claim: 0, runId: 'gone' },
    origin: positions,
    checkpoint: { epoch: 0, positions, ledgers: {}, identities: {} },
    scheduled: null,
    fingerprint: '',
    isReset: false,
  }
  const { ledgers, emitters } = await openOutlets(engine, blueprint, sinksOf(blueprint, stage), claim, signal)
  await Promise.allSettled([...ledgers, ...emitters].map((outlet) => outlet.close()))
}
