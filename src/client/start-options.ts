import { z } from 'zod'
import type { StartAt } from '../definition/source.js'
import { idFault } from '../definition/ids.js'
import { startAtSchema } from '../definition/start-at.js'
import { InvalidCommand } from '../errors/control.js'
import type { PipelineInput } from '../protocol/pipeline.js'
import { type Duration, parseDuration } from '../units.js'

export interface StartOptions {
  /** The task queue of the plugin option of the same name. Default `tidemark`. */
  readonly taskQueue?: string
  /** Ends by itself at the ends found at the start. */
  readonly until?: 'latest'
  /** Begins a new generation instead of going on from the last checkpoint. */
  readonly fresh?: boolean
  /** Where to begin: with `fresh`, or at the very first start. Default: as the source says. */
  readonly from?: StartAt
  /** A pipeline that runs already is no error: its handle is returned. */
  readonly ifNotRunning?: boolean
  /** Over the definition's. 100 ms to 10 minutes. */
  readonly checkpointInterval?: Duration
  /** Continue as new after that many history events; 40 to 40,000. Default: when the server suggests it. */
  readonly maxHistoryEvents?: number
  /** State of the last checkpoint that no step takes any more is let go, instead of `PlanIncompatible`. Default false. */
  readonly allowNonRestoredState?: boolean
}

export interface CheckedStart {
  readonly input: PipelineInput
  readonly taskQueue: string | undefined
  readonly ifNotRunning: boolean
}

const time = z.union([z.date(), z.number().int().nonnegative()]).transform((at) => new Date(at).toISOString())

const interval = z
  .unknown()
  .transform((given) => parseDuration(given))
  .pipe(
    z
      .number("must be a duration, as 5000 (ms) or '5s'")
      .min(100, 'must be 100 ms at least')
      .max(600_000, 'must be 10 minutes at most')
      .transform((ms) => Math.round(ms)),
  )

const schema = z.strictObject({
  taskQueue: z.string().min(1, 'must not be empty').optional(),
  until: z.literal('latest', "can be 'latest' only").optional(),
  fresh: z.boolean().optional(),
  from: startAtSchema(time, 'a date or ms').optional(),
  ifNotRunning: z.boolean().optional(),
  checkpointInterval: interval.optional(),
  maxHistoryEvents: z.number().int().min(40).max(40_000).optional(),
  allowNonRestoredState: z.boolean().optional(),
})

/** Name and options of a start as the pipeline's input. Throws `InvalidCommand` with all that is wrong. */
export function checkStart(pipeline: string, options: StartOptions): CheckedStart {
  const parsed = schema.safeParse(options)
  const name = idFault(pipeline, 'kebab')
  if (!parsed.success || name !== undefined) {
    const faults = parsed.error?.issues.map(({ path, message }) => `${path.join('.') || 'options'} ${message}`) ?? []
    if (name !== undefined) faults.unshift(`the pipeline's name ${name}`)
    throw new InvalidCommand({ command: 'start', pipeline, reason: faults.join('; ') })
  }
  const { taskQueue, until, fresh, checkpointInterval, maxHistoryEvents, ifNotRunning, allowNonRestoredState } =
    parsed.data
  return {
    taskQueue,
    ifNotRunning: ifNotRunning ?? false,
    input: {
      pipeline,
      ...(until !== undefined && { until }),
      ...(fresh !== undefined && { fresh }),
      ...(parsed.data.from !== undefined && { from: parsed.data.from }),
      ...(checkpointInterval !== undefined && { checkpointMs: checkpointInterval }),
      ...(maxHistoryEvents !== undefined && { maxHistoryEvents }),
      ...(allowNonRestoredState !== undefined && { allowNonRestoredState }),
    },
  }
}
