import { type AnyAggregator, type AggregatorPlan, type MergeableAggregator, planOf } from '../aggregator.js'
import type { Fault } from '../fault.js'

/** An aggregator whatever its accumulator is: `never` takes any. */
interface Part<in T, out R> {
  readonly init: () => unknown
  readonly add: (acc: never, value: T) => unknown
  readonly merge: (a: never, b: never) => unknown
  readonly result: (acc: never) => R
}

type Combined = Readonly<Record<string, unknown>>

type AnyPart = Part<never, unknown>
/** What all parts take. */
type ValueOf<P> = {
  [N in keyof P]: P[N] extends Part<infer T, unknown> ? (value: T) => void : never
}[keyof P] extends (value: infer T) => void
  ? T
  : never

/**
 * Several aggregators at once, as an object of their results. The names are part of the state: renaming one is another state.
 * Where no step says what comes in, the parts' own functions have to: `max((flight: Flight) => flight.delay)`.
 */
export function combine<T, R extends object>(parts: {
  readonly [N in keyof R]: Part<T, R[N]>
}): MergeableAggregator<T, Combined, R>
export function combine<const P extends Readonly<Record<string, AnyPart>>>(
  parts: P,
): MergeableAggregator<
  ValueOf<P>,
  Combined,
  { -readonly [N in keyof P]: P[N] extends Part<never, infer R> ? R : never }
>
export function combine<T, R extends object>(parts: {
  readonly [N in keyof R]: Part<T, R[N]>
}): MergeableAggregator<T, Combined, R> {
  const named = Object.entries(parts) as [string, AnyAggregator & { merge: (a: unknown, b: unknown) => unknown }][]
  // A loop into an object of the same shape each time: this runs once per value and window.
  const each = (of: (part: (typeof named)[number][1], name: string) => unknown): Combined => {
    const made: Record<string, unknown> = {}
    for (const [name, part] of named) made[name] = of(part, name)
    return made
  }
  return {
    init: () => each((part) => part.init()),
    add: (acc, value) => each((part, name) => part.add(acc[name], value)),
    merge: (a, b) => each((part, name) => part.merge(a[name], b[name])),
    result: (acc) => each((part, name) => part.result(acc[name])) as R,
    '~plan': combinedPlan(named),
  }
}

function combinedPlan(named: readonly (readonly [string, AnyAggregator])[]): AggregatorPlan {
  const faults: Fault[] = named.length === 0 ? [{ path: 'aggregator', message: 'combines nothing' }] : []
  const settings: Record<string, unknown> = {}
  const codes: string[] = []
  for (const [name, part] of named) {
    const path = `aggregator.${name}`
    if (typeof part !== 'object' || part === null) {
      faults.push({ path, message: 'is no aggregator' })
      continue
    }
    const plan = planOf(part)
    settings[name] = plan.settings
    codes.push(plan.code)
    for (const fault of plan.faults) faults.push({ ...fault, path: path + fault.path.slice('aggregator'.length) })
    if (typeof part.merge !== 'function') faults.push({ path, message: 'needs merge to be combined' })
  }
  return { settings: { combine: settings }, code: codes.join('\n'), faults }
}
