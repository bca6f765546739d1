import { Client } from 'pg'
import type { Flight } from './flights.js'
import { wrongRows, writeRows } from './rows.js'

export const EXPORT = 'out/delays-by-airport.csv'
const COLUMNS = ['origin', 'day', 'flights', 'average', 'maximum'] as const

/** Departures of an airport on a day: how many, and their delays in minutes. */
export type Delays = Readonly<Record<(typeof COLUMNS)[number], string>>

/** Of examples/delays-by-airport.ts, and of its fork in examples/time-travel/forked.ts. */
export type Table = 'airport_delays' | 'airport_delays_v2'

export async function createTable(url: string, table: Table): Promise<void> {
  await ask(
    url,
    `CREATE TABLE ${table} (origin text, day date, flights integer NOT NULL, average double precision NOT NULL,
    maximum integer NOT NULL, PRIMARY KEY (origin, day))`,
  )
}

/** What is in the table, by airport and day. */
export async function readDelays(url: string, table: Table): Promise<Delays[]> {
  return await ask<Delays>(
    url,
    `SELECT origin, day::text, flights::text, round(average::numeric, 4)::text AS average, maximum::text
    FROM ${table} ORDER BY origin COLLATE "C", day`,
  )
}

const SPOILED = -1_000_000

/** Makes every row wrong, so that one sees which are written again. */
export async function spoilDelays(url: string, table: Table): Promise<void> {
  await ask(url, `UPDATE ${table} SET average = ${SPOILED}`)
}

export const isSpoiled = ({ average }: Delays): boolean => Number(average) === SPOILED

/** The same from the data set, knowing nothing of the pipeline. */
export function expectedDelays(flights: readonly Flight[]): Delays[] {
  const byDay = new Map<string, number[]>()
  for (const { origin, date, delay } of flights) {
    const name = `${origin},${date.slice(0, 10).replaceAll('/', '-')}`
    const delays = byDay.get(name)
    if (delays === undefined) byDay.set(name, [delay])
    else delays.push(delay)
  }
  return [...byDay]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, delays]) => {
      const [origin = '', day = ''] = name.split(',')
      const average = (delays.reduce((sum, delay) => sum + delay, 0) / delays.length).toFixed(4)
      return { origin, day, flights: String(delays.length), average, maximum: String(Math.max(...delays)) }
    })
}

/** How many rows are missing, or too many. */
export function wrongDelays(found: readonly Delays[], expected: readonly Delays[]): number {
  return wrongRows(found.map(line), expected.map(line))
}

export async function exportDelays(delays: readonly Delays[]): Promise<void> {
  await writeRows(EXPORT, COLUMNS, delays.map(line))
}

const line = (delays: Delays): string => COLUMNS.map((column) => delays[column]).join(',')

async function ask<R extends object>(url: string, statement: string): Promise<R[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<R>(statement)).rows
  } finally {
    await client.end()
  }
}
