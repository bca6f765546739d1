import type { Flight } from './flights.js'
import { linesBelow } from './lines.js'

export interface Verdict {
  /** Lines in all files. */
  readonly written: number
  readonly missing: number
  readonly duplicated: number
  /** Lines that should not be there at all: flights that weren't late, other fields, other values. */
  readonly unexpected: number
}

/**
 * Compares the files with the data set, knowing nothing of the pipeline: each flight that was more than an hour late has
 * to be there as often as it is in the data set.
 */
export async function check(directory: string, flights: readonly Flight[]): Promise<Verdict> {
  const expected = countEach(flights.filter((flight) => flight.delay > 60).map(canonical))
  const found = countEach((await linesBelow(directory)).map((line) => canonical(JSON.parse(line))))
  let [written, missing, duplicated, unexpected] = [0, 0, 0, 0]
  for (const [line, times] of found) {
    const right = expected.get(line) ?? 0
    written += times
    if (right === 0) unexpected += times
    else if (times > right) duplicated += times - right
  }
  for (const [line, times] of expected) missing += Math.max(0, times - (found.get(line) ?? 0))
  return { written, missing, duplicated, unexpected }
}

/** All fields, in one order, so that equal records are equal strings. */
function canonical(record: unknown): string {
  return JSON.stringify(Object.entries(record as object).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function countEach(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}
