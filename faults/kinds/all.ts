import type { Kind, Offer } from '../fault.js'
import { cutConnections, stall } from './links.js'
import { cutRequest, cutResponse, delay, drop, freezeAt, killAt } from './messages.js'
import { freezeServer, killServer } from './servers.js'
import { freezeWorker, killTwo, killWorker, pauseWorker, stopWorker } from './workers.js'

/** What can go wrong in a run that has this on offer. */
export function allKinds({ servers }: Offer): ReadonlyMap<string, Kind> {
  return new Map<string, Kind>([
    ['kill-worker', killWorker],
    ['kill-two-workers', killTwo],
    ['stop-worker', stopWorker],
    ['freeze-worker', freezeWorker],
    ['pause-worker', pauseWorker],
    ...servers.flatMap((name): [string, Kind][] => [
      [`kill-${name}`, killServer(name)],
      [`freeze-${name}`, freezeServer(name)],
    ]),
    ['cut-connections', cutConnections],
    ['stall', stall],
    ['cut-request', cutRequest],
    ['cut-response', cutResponse],
    ['drop', drop],
    ['delay', delay],
    ['kill-at', killAt],
    ['freeze-at', freezeAt],
  ])
}
