import type { Bounds, StartAt } from '../../definition/source.js'
import { PositionLost } from '../../errors/source.js'
import type { KafkaConnection } from './kafka-connection.js'
import { persist } from './patience.js'
import { EARLIEST, LATEST } from './protocol/list-offsets.js'
import { type Leader, listOffset, openLeader, type PartitionPlace } from './topic-leader.js'

export interface BoundsOptions {
  readonly connection: KafkaConnection
  readonly place: PartitionPlace
  readonly startAt: StartAt
  readonly committed: boolean
  /** Begin at the earliest record there is where the one asked for is gone. */
  readonly skipLost: boolean
}

/** Where a partition begins, as `startAt` comes to now, and where it ends. */
export async function partitionBounds(options: BoundsOptions, signal: AbortSignal): Promise<Bounds> {
  const { connection, place, committed } = options
  return await persist(place, signal, async () => {
    const leader = await openLeader(connection, place, signal)
    try {
      const end = await listOffset(leader, place, { timestamp: LATEST, committed })
      const start = await startOffset(options, leader, end)
      return { start: String(start), end: String(end), identity: leader.topicId }
    } finally {
      leader.link.destroy()
    }
  })
}

async function startOffset(options: BoundsOptions, leader: Leader, end: number): Promise<number> {
  const { startAt, place, committed } = options
  if (startAt === 'latest') return end
  const earliest = await listOffset(leader, place, { timestamp: EARLIEST, committed: false })
  if (startAt === 'earliest') return earliest
  if ('timestamp' in startAt) {
    const offset = await listOffset(leader, place, { timestamp: Number(startAt.timestamp), committed })
    return offset === -1 ? end : offset
  }
  const wanted = startAt.offsets[place.partition]
  return wanted === undefined ? earliest : await existing(Number(wanted), earliest, options, leader)
}

/** `wanted`, or where it may go on instead. */
async function existing(wanted: number, earliest: number, options: BoundsOptions, leader: Leader): Promise<number> {
  const { place, skipLost } = options
  const end = await listOffset(leader, place, { timestamp: LATEST, committed: false })
  if (wanted >= earliest && wanted <= end) return wanted
  if (wanted < earliest && skipLost) return earliest
  const lost = wanted < earliest ? { from: wanted, to: earliest } : { from: end, to: wanted }
  throw new PositionLost({
    ...place,
    position: String(wanted),
    earliest: String(earliest),
    end: String(end),
    lost: { from: String(lost.from), to: String(lost.to) },
  })
}
