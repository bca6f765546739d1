import type { World } from './world.js'

/** One sentence of the contract, and how to try it on a place of its own. */
export interface Check {
  readonly name: string
  readonly run: (world: World) => Promise<void>
}

/** One that is tried with an owner stopped at step 0, 1, 2 …, each time on a new place. */
export interface StopCheck {
  readonly name: string
  /** False: the owner had fewer steps than that, so this was the last try. */
  readonly run: (world: World, stopAt: number) => Promise<boolean>
}
