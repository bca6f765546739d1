import { setTimeout as sleep } from 'node:timers/promises'
import { InvalidCommand } from '../errors/control.js'
import { type Duration, parseDuration } from '../units.js'

const FIRST_LOOK_MS = 100
const LATER_LOOKS_MS = 500

/** How long a command waits for what it asks for. */
export class Patience {
  readonly timeoutMs: number
  /** Milliseconds since the epoch. */
  readonly deadline: number

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
    this.deadline = Date.now() + timeoutMs
  }

  /** Throws `InvalidCommand` for what is no duration above zero. */
  static of(command: string, timeout: Duration | undefined, otherwise: Duration): Patience {
    const ms = parseDuration(timeout ?? otherwise)
    if (ms === null || ms <= 0) {
      throw new InvalidCommand({
        command,
        reason: `timeout must be a duration above zero, as '60s', not ${String(timeout)}`,
      })
    }
    return new Patience(ms)
  }

  /** Looks again and again until there is nothing left to wait for, or the time is up: returns what is left. */
  async untilNone(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 2, LATER_LOOKS_MS)) {
      const left = await look()
      if (left.length === 0 || Date.now() + pause > this.deadline) return left
      await sleep(pause)
    }
  }
}
