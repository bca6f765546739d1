import type { CheckpointInfo } from 'tidemark/client'
import { departureOf } from '../flight.js'
import { type Delays, expectedDelays } from './delays.js'
import type { Flight } from './flights.js'
import { byPartition } from './publish.js'

const HOUR_MS = 3_600_000

/**
 * The rows whose days had not passed at the given checkpoints, one of each partition: by the flights before their positions, knowing
 * nothing of the pipeline but that it waits an hour for flights that are late.
 */
export function delaysBehind(
  checkpoints: readonly Pick<CheckpointInfo, 'partition' | 'positions'>[],
  flights: readonly Flight[],
): Delays[] {
  const open: Delays[] = []
  for (const [partition, own] of byPartition(flights).entries()) {
    const read = Number(checkpoints.find((checkpoint) => checkpoint.partition === partition)?.positions['flights'])
    const latest = own.slice(0, read).reduce((most, flight) => Math.max(most, departureOf(flight).getTime()), -Infinity)
    open.push(...expectedDelays(own).filter(({ day }) => Date.parse(`${day}T23:59:59.999Z`) > latest - HOUR_MS - 1))
  }
  return open
}
