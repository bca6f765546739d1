import { z } from 'zod'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { StartAt } from '../definition/source.js'
import { startAtSchema } from '../definition/start-at.js'
import { InvalidCommand } from '../errors/control.js'
import { pipelineWorkflowId } from '../protocol/names.js'
import type { NormalInput, PipelineInput, PipelinePlan, StagePlan } from '../protocol/pipeline.js'
import { channelOf } from './channel-of.js'
import { blueprintIn, type WorkerContext } from './worker-context.js'

const time = z.union([
  z.number().int().nonnegative(),
  z.iso.datetime({ offset: true, error: 'must be an ISO time with Z or an offset' }),
])

const count = z.number().int().nonnegative()

/** What may stand in `--input` of `tidemarkPipeline`. */
export const pipelineInput = z.strictObject({
  pipeline: z.string().min(1),
  until: z.literal('latest').optional(),
  fresh: z.boolean().optional(),
  from: startAtSchema(time, "'2026-01-31T08:00:00Z' or ms").optional(),
  checkpointMs: z.number().int().min(100).max(600_000).optional(),
  maxHistoryEvents: z.number().int().min(40).max(40_000).optional(),
  allowNonRestoredState: z.boolean().optional(),
  rewind: z
    .strictObject({
      to: z.union([
        z.strictObject({ epoch: count, generation: count.nullable() }),
        z.strictObject({ time: z.number().int().nonnegative() }),
        z.strictObject({ savepoint: z.string().min(1) }),
      ]),
      stage: z.string().min(1).nullable(),
      partition: count.nullable(),
      of: z.string().min(1).optional(),
    })
    .optional(),
})

/** The server suggests continue-as-new at 4,096 events by default; this only caps what a changed server setting allows. */
const MAX_HISTORY_EVENTS = 10_000

/** Checks a pipeline's input and tells its plan. Throws `InvalidCommand` with all that is wrong, or `PipelineNotFound`. */
export async function describePipeline(
  context: WorkerContext,
  raw: unknown,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): Promise<PipelinePlan> {
  const input = parseInput(raw)
  const expected = pipelineWorkflowId(input.pipeline)
  if (workflowId !== expected) {
    const reason = `its workflow id has to be '${expected}', not '${workflowId}': that is what keeps it from running twice`
    throw new InvalidCommand({ command: 'start', pipeline: input.pipeline, reason })
  }
  const blueprint = blueprintIn(context, input.pipeline)
  const channel = await channelOf(context, blueprint, input, runId)
  return {
    pipeline: blueprint.name,
    stages: blueprint.stages.map((stage) => ({
      id: stage.id,
      ...afterOf(stage, blueprint),
      sources: stage.sources.map(({ id, source }) => ({
        id,
        kind: source.kind,
        describe: source.describe ?? source.kind,
      })),
      steps: stage.steps.map(({ id, step }) => ({ id, kind: step.kind })),
      sinks: stage.sinks.map(({ id, sink }) => ({ id, kind: sink.kind, describe: sink.describe ?? sink.kind })),
    })),
    guarantee: blueprint.guarantee,
    fingerprint: blueprint.fingerprint,
    settings: {
      taskQueue: context.taskQueue,
      checkpointMs: input.checkpointMs ?? blueprint.checkpointMs,
      heartbeatMs: context.heartbeatMs,
      idleMs: context.idleMs,
      maxHistoryEvents: input.maxHistoryEvents ?? MAX_HISTORY_EVENTS,
    },
    discoveryMs: context.discoveryMs,
    searchAttributes: await context.searchAttributes(),
    ...(channel !== undefined && { channel }),
    input: normalise(input),
  }
}

/** Throws `InvalidCommand` that names every fault of the input. */
export function parseInput(raw: unknown): PipelineInput {
  const parsed = pipelineInput.safeParse(raw)
  // zod's optional properties include undefined; none is: the input came through JSON.
  if (parsed.success) return parsed.data as PipelineInput
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`)
  const reason = `wrong input: ${faults.join('; ')}. An example: {"pipeline":"NAME"}`
  throw new InvalidCommand({ command: 'start', reason })
}

function normalise(input: PipelineInput): NormalInput {
  const { until = null, fresh = false, from, allowNonRestoredState = false, rewind } = input
  if (rewind !== undefined && (fresh || from !== undefined)) {
    const reason = "'rewind' can't be given together with 'fresh' or 'from': each says where to begin"
    throw new InvalidCommand({ command: 'start', pipeline: input.pipeline, reason })
  }
  return {
    until,
    fresh,
    from: startAtOf(from),
    ...(allowNonRestoredState && { allowNonRestoredState }),
    ...(rewind !== undefined && { rewind }),
  }
}

function startAtOf(from: PipelineInput['from']): StartAt | null {
  if (from === undefined) return null
  if (typeof from === 'string') return from
  if ('offsets' in from) return from
  return { timestamp: new Date(from.timestamp).getTime() }
}

/** The stages that write what this one reads, and whether it reads other sources beside. */
function afterOf({ sources }: Stage, { stages }: Blueprint): Pick<StagePlan, 'after' | 'beside'> {
  const read = sources.filter(({ channel }) => channel !== undefined).map(({ id }) => id)
  const after = stages.filter(({ sinks }) =>
    sinks.some(({ id, channel }) => channel !== undefined && read.includes(id)),
  )
  if (after.length === 0) return {}
  return { after: after.map(({ id }) => id), ...(read.length < sources.length && { beside: true }) }
}
