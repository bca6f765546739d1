import type { Seeded } from '../test/simulation/seeded.js'
import type { Fault, Kind, Offer } from './fault.js'

/** A fault, and how long to let the pipelines run before it. */
export interface Planned {
  /** From when everything flows again, in ms: what comes when may depend on the machine, what comes next may not. */
  readonly pauseMs: number
  readonly fault: Fault
}

const LONGEST_PAUSE_MS = 2_000

/**
 * The faults of a seed, without end. Every kind comes once before any comes again, so that a short run has many kinds.
 * Nothing but the seed is asked.
 */
export function* schedule(random: Seeded, kinds: readonly Kind[], offer: Offer): Generator<Planned> {
  const deck: Kind[] = []
  for (;;) {
    if (deck.length === 0) deck.push(...kinds)
    const [kind] = deck.splice(random.below(deck.length), 1)
    if (kind === undefined) throw new RangeError('there are no kinds of faults to draw from')
    yield { pauseMs: random.below(LONGEST_PAUSE_MS), fault: kind(random, offer) }
  }
}
