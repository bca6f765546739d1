import type { Flight } from './flights.js'
import { linesBelow } from './lines.js'
import { writeRows } from './rows.js'

export const EXPORT = 'out/connections.csv'
const COLUMNS = ['via', 'first_date', 'first_origin', 'second_date', 'second_destination'] as const
const LONGEST_MS = 4 * 3_600_000

type Pair = Readonly<Record<(typeof COLUMNS)[number], string>>

/** What the pipeline of examples/connections.ts wrote, as rows in order. */
export async function readPairs(directory: string): Promise<string[]> {
  const pairs = (await linesBelow(directory)).map((text) => JSON.parse(text) as Pair)
  return pairs.map((pair) => COLUMNS.map((column) => pair[column]).join(',')).toSorted()
}

/** The same from the data set, knowing nothing of the pipeline. */
export function expectedPairs(flights: readonly Flight[]): string[] {
  const rows: string[] = []
  for (const first of flights)
    for (const second of flights) {
      if (second.origin !== first.destination || second.date <= first.date) continue
      if (Date.parse(`${second.date} UTC`) - Date.parse(`${first.date} UTC`) > LONGEST_MS) continue
      rows.push([second.origin, first.date, first.origin, second.date, second.destination].join(','))
    }
  return rows.toSorted()
}

export async function exportPairs(rows: readonly string[]): Promise<void> {
  await writeRows(EXPORT, COLUMNS, rows)
}
