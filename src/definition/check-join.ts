import { z } from 'zod'
import type { JoinTableSettings } from '../steps/join/join-table.js'
import type { JoinSettings } from '../steps/join/join.js'
import { checkState } from './check-state.js'
import type { Fault } from './fault.js'
import { durationSchema, faultsIn } from './faults-of.js'

/** Times are whole ms. */
const wholeMs = durationSchema(0).refine((ms) => Number.isSafeInteger(ms), 'must be whole milliseconds')

const schema = z.strictObject(
  {
    how: z.enum(['inner', 'left', 'outer'], "must be 'inner', 'left' or 'outer'").default('inner'),
    within: z.unknown(),
    grace: wholeMs.default(0),
  },
  'must be an object with within',
)
const bothSides = wholeMs.transform((ms) => ({ before: ms, after: ms }))
const eachSide = z.strictObject({ before: wholeMs, after: wholeMs })

/** Options of a join as the step reads them, or any, with what is wrong with them. */
export function checkJoin(options: unknown, path: string): [JoinSettings, readonly Fault[]] {
  const parsed = schema.safeParse(options, { reportInput: true })
  const faults = parsed.success ? [] : [...faultsIn(parsed.error, path)]
  const given = (options as { readonly within?: unknown } | null | undefined)?.within
  const within = (typeof given === 'object' && given !== null ? eachSide : bothSides).safeParse(given, {
    reportInput: true,
  })
  if (!within.success && typeof options === 'object') faults.push(...faultsIn(within.error, `${path}.within`))
  const { how, grace } = parsed.data ?? { how: 'inner' as const, grace: 0 }
  const { before, after } = within.data ?? { before: 0, after: 0 }
  return [{ how, beforeMs: before, afterMs: after, graceMs: grace }, faults]
}

const tableSchema = z.strictObject(
  { how: z.enum(['inner', 'left'], "must be 'inner' or 'left'").default('inner'), state: z.unknown().optional() },
  'must be an object',
)

/** The same of a join with a table. */
export function checkJoinTable(options: unknown, path: string): [JoinTableSettings, readonly Fault[]] {
  const parsed = tableSchema.safeParse(options, { reportInput: true })
  const [state, faults] = checkState(parsed.data?.state, `${path}.state`, false)
  return [
    { how: parsed.data?.how ?? 'inner', state },
    parsed.success ? faults : [...faultsIn(parsed.error, path), ...faults],
  ]
}
