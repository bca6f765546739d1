import { Choices } from './choices.js'
import { type FaultAt, Simulation, type SimulationOptions } from './simulation.js'

export interface Outcome {
  /** The invariant that does not hold, with what was seen; null: all of them hold. */
  readonly broke: string | null
  /** What happened, in order, with the millisecond: for whoever looks into a failing seed. */
  readonly trace: readonly string[]
  /** All that was left to chance: given again, the same happens again. */
  readonly choices: readonly number[]
  readonly faultsAt: readonly FaultAt[]
  readonly records: number
}

const none: SimulationOptions = {
  asks: false,
  kept: false,
  joins: false,
  kind: null,
  flaw: null,
  clientFlaw: null,
  faults: null,
}

/** One random schedule of one task: of a seed, or of choices that another run has left. */
export async function simulate(
  source: number | readonly number[],
  options: Partial<SimulationOptions> = {},
): Promise<Outcome> {
  const choices = new Choices(source)
  const simulation = new Simulation(choices, { ...none, ...options })
  // The engine's clocks go by this one: time passes when the simulation says so.
  const uninstall = simulation.time.install()
  try {
    await simulation.run()
  } finally {
    uninstall()
  }
  const { broke, trace, faultsAt, setting } = simulation
  return {
    broke,
    trace,
    choices: choices.taken,
    faultsAt,
    records: setting.brokers.reduce((sum, { log }) => sum + log.length, 0),
  }
}
