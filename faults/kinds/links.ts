import { setTimeout as sleep } from 'node:timers/promises'
import { type Kind, over } from '../fault.js'

/** All connections between workers and a server are cut at once. */
export const cutConnections: Kind = (random, offer) => {
  const link = random.pick(offer.links)
  return {
    kind: 'cut-connections',
    target: `to ${link}`,
    strike(world) {
      const strike = world.strikeOn(world.refs)
      return Promise.resolve(world.link(link).cut() === 0 ? null : strike)
    },
  }
}

/** Nothing passes between workers and a server for a while: nothing is lost, everything is late. */
export const stall: Kind = (random, offer) => {
  const [link, forMs] = [random.pick(offer.links), 300 + random.below(4_700)]
  return {
    kind: 'stall',
    target: `of ${link}, for ${forMs} ms`,
    async strike(world) {
      const proxy = world.link(link)
      if (proxy.open === 0) return null
      const strike = world.strikeOn(world.refs)
      proxy.hold()
      await sleep(forMs)
      proxy.goOn()
      return over(strike)
    },
  }
}
