import type { Seeded } from '../test/simulation/seeded.js'
import type { Ref } from './pipeline-run.js'
import type { World } from './world.js'

/** What a run of one sink has that faults can hit, by name: known before anything runs. */
export interface Offer {
  /** Messages, some of them more than once: `kafka EndTxn`. */
  readonly points: readonly string[]
  /** Proxies: `kafka`. */
  readonly links: readonly string[]
  readonly servers: readonly string[]
}

/** Draws a fault of its kind. All that is random about it is drawn here. */
export type Kind = (random: Seeded, offer: Offer) => Fault

export interface Fault {
  readonly kind: string
  /** For people: what it is for, and how. */
  readonly target: string
  /** Makes it happen. Null: it met nothing, so nothing has happened. */
  strike(world: World): Promise<Strike | null>
}

/** A fault that has met the run. */
export interface Strike {
  /** From when on it is for workers to recover: of a server that was away, when it was back. In ms since the epoch. */
  readonly at: number
  /** Where it matters, and what was in the topics when it came. */
  readonly affected: readonly Mark[]
  /** The others: they have to go on too before the next fault, but how soon says nothing of this one. */
  readonly others: readonly Mark[]
  /** What ends it, when all that is affected goes on in spite of it. */
  readonly end?: () => Promise<void>
}

/** A partition, and the offset behind what its topic held. Outputs from there on show that it goes on. */
export interface Mark {
  readonly ref: Ref
  readonly end: number
}

/** Whatever had been taken away is back from now on: how long that took is not the time of a recovery. */
export const over = (strike: Strike): Strike => ({ ...strike, at: Date.now() })
