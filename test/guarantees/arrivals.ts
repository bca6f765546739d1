import { expect } from 'vitest'

import { readCommitted } from '../oracle/read-committed.js'
import { readTopic } from '../oracle/read-topic.js'
import { brokers } from '../setup/shared-servers.js'

export const AIRPORTS = ['TXL', 'LIS', 'OSL', 'VIE', 'ATH', 'DUB', 'RIX']

/** Of a pipeline that counts flights by where they leave, and behind a repartition by where they go. */
export interface Arrival {
  readonly id: number
  readonly departure: number
  readonly to: string
  readonly arrival: number
  readonly name?: string | null
}

export interface Count {
  readonly to: string
  readonly second: number
  readonly flights: number
}

/** One partition's flights, numbered from `from` up to `to`; `each`: how many a partition ever has. */
export function flightsOf(partition: number, each: number, from = 0, to = each) {
  return Array.from({ length: to - from }, (_, i) => {
    const n = from + i
    const id = partition * each + n
    // Airports of one partition don't leave from the other.
    const origin = `${AIRPORTS[n % AIRPORTS.length] ?? ''}-${partition}`
    const destination = AIRPORTS[Math.floor(n / 3) % AIRPORTS.length] ?? ''
    return { partition, key: origin, value: JSON.stringify({ id, to: destination, at: n * 10 }) }
  })
}

/** What pipelines have written, row by row. */
export const rowsOf = async (output: string): Promise<readonly (Arrival | Count)[]> =>
  (await readCommitted(brokers(), output)).map(({ value }) => JSON.parse(value ?? '') as Arrival | Count)

/**
 * What has come out has to be what the raw topic, and nothing else, says. Returns the arrivals. `before`: rows that another
 * pipeline had written where this one goes on.
 */
export async function judgeArrivals(
  input: string,
  output: string,
  before: readonly (Arrival | Count)[] = [],
): Promise<readonly Arrival[]> {
  const raw = [...(await readTopic(brokers(), input)).values()].flat()
  const departures = new Map<string, number>()
  const counts = new Map<string, number>()
  const expected = new Map<number, { readonly to: string; readonly departure: number; readonly partition: number }>()
  for (const { key, value, partition } of raw) {
    const { id, to, at } = JSON.parse(value ?? '') as { id: number; to: string; at: number }
    const window = `${to} ${at - (at % 1_000)}`
    counts.set(window, (counts.get(window) ?? 0) + 1)
    const departure = (departures.get(key ?? '') ?? 0) + 1
    departures.set(key ?? '', departure)
    expected.set(id, { to, departure, partition })
  }
  const all = [...before, ...(await rowsOf(output))]
  const windows = all.flatMap((row) => ('second' in row ? [[`${row.to} ${row.second}`, row.flights] as const] : []))
  expect(windows).toHaveLength(counts.size)
  expect(new Map(windows)).toEqual(counts)
  const rows = all.flatMap((row) => ('id' in row ? [row] : []))
  expect(rows).toHaveLength(raw.length)
  const arrivals = new Map<string, number>()
  const last = new Map<string, number>()
  for (const row of rows) {
    const wanted = expected.get(row.id)
    expected.delete(row.id)
    const arrival = (arrivals.get(row.to) ?? 0) + 1
    arrivals.set(row.to, arrival)
    if (row.to !== wanted?.to || row.departure !== wanted.departure || row.arrival !== arrival)
      expect(row).toEqual({ ...wanted, arrival })
    // Of one key and one partition before, in order.
    const way = `${row.to} ${wanted?.partition}`
    expect(row.id).toBeGreaterThan(last.get(way) ?? -1)
    last.set(way, row.id)
  }
  expect(expected.size).toBe(0)
  return rows
}
