import { z } from 'zod'
import type { EventTimeSettings } from '../steps/event-time.js'
import type { RepartitionSettings } from '../steps/repartition.js'
import type { StateSettings } from '../steps/keyed-state.js'
import { checkState } from './check-state.js'
import type { StepContext } from './context.js'
import type { Fault } from './fault.js'
import { durationSchema, faultsIn, functionSchema } from './faults-of.js'
import type { EventTime } from './marks.js'
import type { Serde } from './serde.js'
import type { StatefulStep } from './stateful-step.js'

type AnyFn = (value: unknown, ctx: StepContext<unknown>) => unknown
type AnyStatefulStep = StatefulStep<unknown, unknown, EventTime, unknown, unknown, unknown>
/** What was asked for, or anything of its form, and what is wrong with it. */
type Checked<T> = [T, readonly Fault[]]

const nothing = (): never => {
  throw new TypeError('this definition has faults')
}

const eventTimeSchema = z.strictObject(
  { maxDisorder: durationSchema(0), idleAfter: durationSchema(1).optional() },
  'must be an object with maxDisorder',
)

export function checkEventTime(options: unknown, path: string): Checked<EventTimeSettings> {
  const parsed = eventTimeSchema.safeParse(options, { reportInput: true })
  if (!parsed.success) return [{ maxDisorderMs: 0, idleAfterMs: null }, faultsIn(parsed.error, path)]
  const { maxDisorder, idleAfter } = parsed.data
  return [{ maxDisorderMs: Math.ceil(maxDisorder), idleAfterMs: idleAfter ?? null }, []]
}

const dedupeSchema = z.strictObject(
  { by: functionSchema, within: durationSchema(1) },
  'must be an object with by and within',
)

export function checkDedupe(options: unknown, path: string): Checked<{ by: AnyFn; withinMs: number }> {
  const parsed = dedupeSchema.safeParse(options, { reportInput: true })
  if (!parsed.success) return [{ by: nothing, withinMs: 1 }, faultsIn(parsed.error, path)]
  const { by, within } = parsed.data
  return [{ by: by as AnyFn, withinMs: within }, []]
}

const serdeSchema = z.object(
  { encode: functionSchema, decode: functionSchema },
  'must be a serde, with encode and decode',
)

const keyBySchema = z.strictObject(
  {
    key: serdeSchema,
    alreadyPartitioned: z.literal(true, 'must be true: this step moves no values to other partitions'),
  },
  'must be an object with key and alreadyPartitioned',
)

export function checkKeyBy(options: unknown, path: string): Checked<Serde<unknown>> {
  const parsed = keyBySchema.safeParse(options, { reportInput: true })
  if (!parsed.success) return [{ encode: nothing, decode: nothing }, faultsIn(parsed.error, path)]
  // As it was given: its methods may need their object.
  return [(options as { readonly key: Serde<unknown> }).key, []]
}

const repartitionSchema = z.strictObject(
  {
    key: serdeSchema,
    value: serdeSchema,
    partitions: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(10_000, 'must be at most 10,000')
      .optional(),
  },
  'must be an object with key and value',
)

export function checkRepartition(options: unknown, path: string): Checked<RepartitionSettings> {
  const parsed = repartitionSchema.safeParse(options, { reportInput: true })
  const none = { encode: nothing, decode: nothing }
  if (!parsed.success) return [{ key: none, value: none, partitions: null }, faultsIn(parsed.error, path)]
  // As they were given: their methods may need their object.
  const { key, value } = options as Pick<RepartitionSettings, 'key' | 'value'>
  return [{ key, value, partitions: parsed.data.partitions ?? null }, []]
}

const statefulSchema = z.strictObject(
  {
    init: functionSchema,
    onRecord: functionSchema,
    onTimer: functionSchema.optional(),
    state: z.unknown().optional(),
  },
  'must be an object with init and onRecord',
)

export function checkStateful(step: unknown, path: string): Checked<[AnyStatefulStep, StateSettings]> {
  const parsed = statefulSchema.safeParse(step, { reportInput: true })
  const [settings, faults] = checkState(parsed.data?.state, `${path}.state`, true)
  if (parsed.success) return [[parsed.data as unknown as AnyStatefulStep, settings], faults]
  return [
    [{ init: nothing, onRecord: nothing }, settings],
    [...faultsIn(parsed.error, path), ...faults],
  ]
}
