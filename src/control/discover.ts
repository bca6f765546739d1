import { WorkflowNotFoundError } from '@temporalio/client'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { Position, Positions } from '../definition/position.js'
import { NotCoPartitioned } from '../errors/definition.js'
import { PartitionsLost } from '../errors/source.js'
import { taskWorkflowId } from '../protocol/names.js'
import type { DiscoverInput, DiscoverResult, TaskProgress } from '../protocol/pipeline.js'
import { eachOf } from './each-of.js'
import { taskProgress } from './task-progress.js'
import { blueprintIn, stageIn, type WorkerContext } from './worker-context.js'

/** Each one told costs about 150 bytes of the pipeline's history at every look. */
const SHOWN = 50

/** How many partitions a stage has now, and which of its tasks have vanished. */
export async function discoverPartitions(
  context: WorkerContext,
  input: DiscoverInput,
  signal: AbortSignal,
): Promise<DiscoverResult> {
  const blueprint = blueprintIn(context, input.pipeline)
  const stage = stageIn(blueprint, input.stage)
  const partitions = input.count ? await countPartitions(context, blueprint, stage, input, signal) : 0
  const gone: number[] = []
  await eachOf(input.running, async (partition) => {
    if (!(await isRunning(context, taskWorkflowId(input.pipeline, input.stage, partition)))) gone.push(partition)
  })
  const progress: TaskProgress[] = []
  const shown = input.running.filter((partition) => !gone.includes(partition)).slice(0, SHOWN)
  await eachOf(shown, async (partition) => {
    const told = await taskProgress(context.client, input.pipeline, input.stage, partition)
    if (told !== null) progress.push(told)
  })
  const told = { partitions, gone: gone.toSorted((a, b) => a - b), progress }
  const asked = input.count ? partitions : Math.max(-1, ...input.running) + 1
  return input.ends === true
    ? { ...told, ends: await endsOf(context, blueprint, stage, { partitions: asked, ...input }, signal) }
    : told
}

async function isRunning(context: WorkerContext, workflowId: string): Promise<boolean> {
  try {
    const { status } = await context.client.workflow.getHandle(workflowId).describe()
    return ['RUNNING', 'PAUSED', 'CONTINUED_AS_NEW'].includes(status.name)
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false
    throw error
  }
}

/** Throws `NotCoPartitioned` where its sources have unequal numbers, and `PartitionsLost` where there are fewer than there were. */
async function countPartitions(
  context: WorkerContext,
  blueprint: Blueprint,
  stage: Stage,
  input: DiscoverInput,
  signal: AbortSignal,
): Promise<number> {
  const counts = await Promise.all(
    stage.sources.map(({ id, source }) =>
      source.partitions({
        pipeline: blueprint.name,
        source: id,
        namespace: context.engine.namespace,
        signal,
        connection: context.engine.connection,
        ...(input.channel !== undefined && { channel: input.channel }),
      }),
    ),
  )
  if (new Set(counts).size > 1) {
    const found = Object.fromEntries(stage.sources.map(({ id }, index) => [id, counts[index] ?? 0]))
    throw new NotCoPartitioned({ pipeline: blueprint.name, stage: stage.id, partitions: found })
  }
  const partitions = Math.max(...counts)
  const known = input.running.length === 0 ? 0 : Math.max(...input.running) + 1
  if (partitions < known) {
    const source = stage.sources[0]?.id ?? input.stage
    throw new PartitionsLost({ pipeline: blueprint.name, source, known, found: partitions })
  }
  return partitions
}

/** Where each partition ends now, of what other stages have written; `whole`: of all that the stage reads. */
async function endsOf(
  { engine }: WorkerContext,
  blueprint: Blueprint,
  stage: Stage,
  { partitions, channel, whole }: { readonly partitions: number } & Pick<DiscoverInput, 'channel' | 'whole'>,
  signal: AbortSignal,
): Promise<readonly Positions[]> {
  const ends = Array.from({ length: partitions }, (): Record<string, Position> => ({}))
  const { namespace, connection } = engine
  for (const { id, source } of stage.sources.filter((node) => whole === true || node.channel !== undefined)) {
    await eachOf([...ends.keys()], async (partition) => {
      const asked = { pipeline: blueprint.name, source: id, namespace, partition, signal, connection }
      const { end } = await source.bounds(channel === undefined ? asked : { ...asked, channel })
      Object.assign(ends[partition] ?? {}, { [id]: end })
    })
  }
  return ends
}
