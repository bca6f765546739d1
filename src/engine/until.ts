import type { Positions } from '../definition/position.js'
import type { Input } from './input.js'

/** PROTOCOL §3.9: a bound below what a ledger already holds is raised to it. */
export function raised(until: Positions, furthest: Positions | null, inputs: readonly Input[]): Positions {
  if (furthest === null) return until
  const order = Object.fromEntries(inputs.map(({ id, compare }) => [id, compare]))
  return Object.fromEntries(
    Object.entries(until).map(([id, bound]) => {
      const held = furthest[id]
      return [id, held !== undefined && (order[id]?.(held, bound) ?? 0) > 0 ? held : bound]
    }),
  )
}
