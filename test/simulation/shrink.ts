import type { Outcome } from './simulate.js'

/** Lines of trace, of all runs that shrinking may take: some seconds. */
const MOST_LINES = 150_000

/**
 * A run that breaks the same invariant with as few faults, records and steps as it can find: choices are cut off, left
 * out with their fault, or made 0, the plainest, as long as that invariant still breaks.
 */
export async function shrink(
  failing: Outcome,
  run: (choices: readonly number[]) => Promise<Outcome>,
): Promise<Outcome> {
  return new Shrinking(failing, run).run()
}

class Shrinking {
  private best: Outcome
  private readonly again: (choices: readonly number[]) => Promise<Outcome>
  private readonly invariant: string
  private lines = 0

  constructor(failing: Outcome, again: (choices: readonly number[]) => Promise<Outcome>) {
    this.best = failing
    this.again = again
    this.invariant = numberOf(failing)
  }

  async run(): Promise<Outcome> {
    for (let before: Outcome | null = null; before !== this.best && this.lines < MOST_LINES;) {
      before = this.best
      await this.withoutFaults()
      await this.cutOff()
      for (let size = 64; size >= 1; size >>= 1) await this.zeroes(size)
      await this.lower()
    }
    return this.best
  }

  /** Each fault left out, with what was chosen for it. */
  private async withoutFaults(): Promise<void> {
    for (let n = this.best.faultsAt.length - 1; n >= 0; n--) {
      const fault = this.best.faultsAt[n]
      if (fault === undefined) continue
      const { choices } = this.best
      await this.attempt([...choices.slice(0, fault.from), 0, ...choices.slice(fault.to)])
    }
  }

  /** Nothing special happens from some point on. */
  private async cutOff(): Promise<void> {
    for (let part = this.best.choices.length >> 1; part >= 1; part >>= 1) {
      while (await this.attempt(this.best.choices.slice(0, -part)));
    }
  }

  private async zeroes(size: number): Promise<void> {
    for (let at = 0; at < this.best.choices.length; at += size) {
      const { choices } = this.best
      if (choices.slice(at, at + size).every((choice) => choice === 0)) continue
      const plainer = choices.map((choice, index) => (index >= at && index < at + size ? 0 : choice))
      if (!(await this.attempt(plainer))) await this.attempt([...choices.slice(0, at), ...choices.slice(at + size)])
    }
  }

  private async lower(): Promise<void> {
    for (let at = 0; at < this.best.choices.length; at++) {
      for (;;) {
        const { choices } = this.best
        const choice = choices[at] ?? 0
        if (choice < 2 || !(await this.attempt(choices.with(at, choice >> 1)))) break
      }
    }
  }

  /** Keeps it if it breaks the same invariant and is no larger. */
  private async attempt(choices: readonly number[]): Promise<boolean> {
    if (this.lines >= MOST_LINES) return false
    const outcome = await this.again(choices)
    this.lines += outcome.trace.length
    if (outcome.broke === null || numberOf(outcome) !== this.invariant) return false
    if (compare(sizeOf(outcome), sizeOf(this.best)) >= 0) return false
    this.best = outcome
    return true
  }
}

/** `14: parked with SinkBehind`: of the invariant and what kind of breach it is, not of where. */
const numberOf = ({ broke }: Outcome): string => /^[\d, ]+:( parked with \w+)?/.exec(broke ?? '')?.[0] ?? ''

/** Fewer faults, then fewer records, then fewer steps, then plainer choices. */
const sizeOf = ({ faultsAt, records, trace, choices }: Outcome): readonly number[] => [
  faultsAt.length,
  records,
  trace.length,
  choices.reduce((sum, choice) => sum + Math.min(choice, 1_000), 0),
]

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0
    if (value !== other) return value - other
  }
  return 0
}
