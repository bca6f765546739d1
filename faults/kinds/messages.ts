/** Faults that hit one message on its way: each waits for the next one of its name. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Kind, Strike } from '../fault.js'
import type { Fate } from '../proxy/proxy.js'
import type { Side } from '../proxy/protocol.js'
import type { World } from '../world.js'

/** The request doesn't arrive, and its connection is gone. */
export const cutRequest: Kind = (random, offer) =>
  atMessage('cut-request', random.pick(offer.points), 'request', '', () => Promise.resolve('cut'))

/** What was asked for is done, and nobody is told: the connection is gone. */
export const cutResponse: Kind = (random, offer) =>
  atMessage('cut-response', random.pick(offer.points), 'response', '', () => Promise.resolve('cut'))

/** It never arrives, nor does anything after it; the connection stays open. */
export const drop: Kind = (random, offer) => {
  const side = random.pick(SIDES)
  return atMessage('drop', random.pick(offer.points), side, '', () => Promise.resolve('drop'))
}

/** It arrives late. */
export const delay: Kind = (random, offer) => {
  const [side, byMs] = [random.pick(SIDES), 200 + random.below(4_000)]
  return atMessage('delay', random.pick(offer.points), side, `, by ${byMs} ms`, () => sleep(byMs, 'pass' as const))
}

/** kill -9 of the worker at that very message, which goes on its way or is lost with its connection. */
export const killAt: Kind = (random, offer) => {
  const [side, fate] = [random.pick(SIDES), random.pick(['pass', 'cut'] as const)]
  return atMessage(
    'kill-at',
    random.pick(offer.points),
    side,
    `, which ${fate === 'pass' ? 'arrives' : 'is lost'}`,
    async (world, client) => {
      await world.worker(client)?.kill()
      return fate
    },
  )
}

/** SIGSTOP of the worker at that very message, which arrives after others have taken over; then the worker goes on too. */
export const freezeAt: Kind = (random, offer) => {
  const [name, side, firstWorker] = [random.pick(offer.points), random.pick(SIDES), random.chance(0.5)]
  return {
    kind: 'freeze-at',
    target: `${name} ${side}, which arrives ${firstWorker ? 'after' : 'before'} the worker goes on`,
    strike: (world) =>
      strikeAt(world, name, side, (client, hit) => {
        const worker = world.worker(client)
        if (worker === undefined) return Promise.resolve('pass')
        worker.freeze()
        return new Promise((resolve) => {
          hit({
            async end() {
              const steps = [() => resolve('pass'), () => worker.thaw()]
              for (const step of firstWorker ? steps.toReversed() : steps) {
                step()
                await sleep(500)
              }
            },
          })
        })
      }),
  }
}

const SIDES: readonly Side[] = ['request', 'response']

function atMessage(
  kind: string,
  name: string,
  side: Side,
  how: string,
  fate: (world: World, client: string) => Promise<Fate>,
): Fault {
  return {
    kind,
    target: `${name} ${side}${how}`,
    strike: (world) =>
      strikeAt(world, name, side, (client, hit) => {
        hit({})
        return fate(world, client)
      }),
  }
}

/** How long to wait for a message of that name. */
const PATIENCE_MS = 45_000

/** Resolves when `spring` says that it has hit; null if no such message came. */
async function strikeAt(
  world: World,
  name: string,
  side: Side,
  spring: (client: string, hit: (more: Pick<Strike, 'end'>) => void) => Promise<Fate>,
): Promise<Strike | null> {
  const owned = await world.owned()
  const point = world.point(name)
  const late = new AbortController()
  const struck = new Promise<Strike>((resolve) => {
    const disarm = point.proxy.set({
      side,
      name: point.name,
      spring: ({ client }) => {
        // A worker of which nothing is known may own anything, and so may one that takes over.
        const strike = world.strikeOn((point.opening === true ? undefined : owned.get(client)) ?? world.refs)
        return spring(client, (more) => resolve({ ...strike, ...more }))
      },
    })
    late.signal.addEventListener('abort', disarm)
  })
  if (point.opening === true) await leave(world)
  const waited = sleep(PATIENCE_MS, null, { signal: late.signal })
  waited.catch(() => undefined)
  try {
    return await Promise.race([struck, waited])
  } finally {
    late.abort()
  }
}

/** Makes others take over: the first worker that holds something is killed. */
async function leave(world: World): Promise<void> {
  const [worker] = await world.busyWorkers(0)
  await worker?.process.kill()
}
