import { shrink } from './shrink.js'
import { type Outcome, simulate } from './simulate.js'
import type { SimulationOptions } from './simulation.js'

export interface Search {
  readonly seeds: number
  readonly firstSeed: number
  readonly options: Partial<SimulationOptions>
  /** Ends at the first seed that fails. */
  readonly untilFound: boolean
  readonly say: (line: string) => void
}

export interface Found {
  /** How many were simulated. */
  readonly seeds: number
  readonly firstSeed: number
  /** How many of them broke an invariant. */
  readonly failed: number
}

const TELL_EVERY = 1_000
/** Lines that are shown of a long trace. */
const FIRST = 250
const LAST = 50

/** Simulates one seed after the other. The first that fails is shrunk and told in full, others in a line. */
export async function search({ seeds, firstSeed, options, untilFound, say }: Search): Promise<Found> {
  let failed = 0
  let done = 0
  const isEnough = (): boolean => done === seeds || (untilFound && failed > 0)
  for (; !isEnough(); done++) {
    const seed = firstSeed + done
    const outcome = await simulate(seed, options)
    if (outcome.broke !== null) {
      failed++
      say(`seed ${seed} breaks invariant ${outcome.broke}`)
      if (failed === 1) await explain(outcome, options, say)
    }
    if ((done + 1) % TELL_EVERY === 0) say(`${done + 1} seeds, ${failed} failed`)
  }
  return { seeds: done, firstSeed, failed }
}

async function explain(outcome: Outcome, options: Partial<SimulationOptions>, say: (line: string) => void) {
  const small = await shrink(outcome, (choices) => simulate(choices, options))
  say(`\nshrunk from ${sizeOf(outcome)} to ${sizeOf(small)}; milliseconds and what happens:\n`)
  const { trace } = small
  const left = trace.length - FIRST - LAST
  for (const line of left > 0 ? trace.slice(0, FIRST) : trace) say(line)
  if (left > 0) for (const line of [`… ${count(left, 'line')} …`, ...trace.slice(-LAST)]) say(line)
  say('')
}

const sizeOf = ({ faultsAt, records, trace }: Outcome): string =>
  `${count(faultsAt.length, 'fault')}, ${count(records, 'position')} and ${count(trace.length, 'line')}`

const count = (n: number, of: string): string => `${n} ${of}${n === 1 ? '' : 's'}`
