import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Choices } from './choices.js'

/** What everything fails with that a killed process still tries. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

/** Something that waits for its turn: everything that leaves a process does. */
export interface Waiting {
  readonly process: Process
  readonly label: string
  /** Left alone for as long as there is anything else to do: what a stalled process comes back with. */
  readonly lazy: boolean
  readonly go: () => void
  readonly fail: (error: Error) => void
}

/** So many turns of the event loop without anything new, and nobody is about to do something. */
const QUIET_TURNS = 4

/** Decides what happens next: the only source of order in a simulation. */
export class Schedule {
  readonly waiting: Waiting[] = []
  private readonly choices: Choices
  private readonly laziness: number
  private changes = 0

  constructor(choices: Choices, laziness: number) {
    this.choices = choices
    this.laziness = laziness
  }

  wait(process: Process, label: string): Promise<void> {
    if (process.killed) return Promise.reject(new Killed(label))
    this.changes++
    return new Promise((resolve, reject) => {
      const lazy = this.choices.chance(this.laziness)
      const entry: Waiting = { process, label, lazy, go: resolve, fail: reject }
      this.waiting.push(entry)
    })
  }

  take(entry: Waiting): void {
    const at = this.waiting.indexOf(entry)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  /** Everything a killed process waited for fails; what it tries from now on does, too. */
  kill(process: Process): void {
    process.killed = true
    for (const entry of this.waiting.filter((other) => other.process === process)) {
      this.take(entry)
      entry.fail(new Killed(entry.label))
    }
  }

  /** Resolves once everything waits: `progress` changes with whatever goes on without asking for a turn. */
  async quiet(progress: () => number): Promise<void> {
    let seen = this.changes + progress()
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      await nextTurn()
      const now = this.changes + progress()
      if (now === seen) continue
      seen = now
      turns = -1
    }
  }

  /** One of those that wait; a lazy one only now and then, or where there is no other. */
  choose(): Waiting | undefined {
    if (this.waiting.length === 0) return undefined
    const eager = this.waiting.filter((entry) => !entry.lazy)
    return this.choices.pick(eager.length === 0 || this.choices.chance(0.03) ? this.waiting : eager)
  }
}

/** One worker process. */
export class Process {
  readonly name: string
  killed = false
  private readonly schedule: Schedule

  constructor(name: string, schedule: Schedule) {
    this.name = name
    this.schedule = schedule
  }

  step(label: string): Promise<void> {
    return this.schedule.wait(this, label)
  }
}
