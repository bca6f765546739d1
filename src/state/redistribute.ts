import type { StepStates } from './step-states.js'

/** Why state can't be taken over by other tasks. */
export class ImmovableState extends Error {
  override readonly name = 'ImmovableState'
}

/** To whom a key of records belonged, and whether it belongs to the task that takes over. */
export interface Belonging {
  readonly before: (key: Uint8Array) => number
  readonly here: (key: Uint8Array) => boolean
}

/**
 * What several tasks had, by their partition, as far as one that takes over from all of them is to have it. Restored tables in,
 * changed ones out. A step: one entry. Throws `ImmovableState`.
 */
export function* redistribute(
  into: StepStates,
  from: readonly StepStates[],
  { before, here }: Belonging,
): Generator<void, void> {
  for (const [id, table] of into.all) {
    const { moves } = table
    const old = from.flatMap((states) => states.all.get(id) ?? [])
    if (moves.by === 'task') {
      const keys = new Set(old.flatMap((one) => one.keys()))
      for (const key of keys) {
        const merged = moves.merge(
          old.map((one) => one.get(key)),
          key,
        )
        if (merged !== undefined) table.set(key, merged)
        yield
      }
      continue
    }
    for (const [partition, one] of old.entries()) {
      for (const key of one.keys()) {
        // Keys of records have a byte per character.
        const bytes = Buffer.from(moves.of(key), 'latin1')
        const belonged = before(bytes)
        if (belonged !== partition)
          throw new ImmovableState(`'${id}' has a key in partition ${partition} that belongs to ${belonged}`)
        const value = here(bytes) ? one.get(key) : undefined
        if (value !== undefined) table.set(key, value)
        yield
      }
    }
  }
  into.journal.forget()
}
