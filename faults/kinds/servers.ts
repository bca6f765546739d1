import { setTimeout as sleep } from 'node:timers/promises'
import { type Kind, over } from '../fault.js'

/** kill -9 of a server, and its restart some time later. */
export const killServer =
  (name: string): Kind =>
  (random) => {
    // At once, or after sessions and requests have run into their time-outs.
    const awayMs = random.chance(0.5) ? 0 : random.below(5_000)
    return {
      kind: `kill-${name}`,
      target: `away for ${awayMs} ms`,
      async strike(world) {
        const server = world.server(name)
        const strike = world.strikeOn(world.refs)
        await server.kill()
        await sleep(awayMs)
        await server.restart()
        return over(strike)
      },
    }
  }

/** SIGSTOP of a server, and SIGCONT some time later: connections stay, and nothing answers. */
export const freezeServer =
  (name: string): Kind =>
  (random) => {
    const forMs = 500 + random.below(4_500)
    return {
      kind: `freeze-${name}`,
      target: `for ${forMs} ms`,
      async strike(world) {
        const server = world.server(name)
        const strike = world.strikeOn(world.refs)
        server.pause()
        await sleep(forMs)
        server.resume()
        return over(strike)
      },
    }
  }
