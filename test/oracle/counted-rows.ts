import { compare, type Outputs, type Verdict } from './compare.js'
import { expectedOutputs, numberIn } from './counted.js'
import { readTopic } from './read-topic.js'

/** Asks the database: the rows of a statement, as plain values. */
export type Ask = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>

export interface RowsVerdict {
  /** How many different numbers the topic holds: what its producer has sent. */
  readonly numbers: number
  /** Of the table that has a row for each output. */
  readonly outputs: Verdict
  /** Of the table that has the newest of each partition and key. */
  readonly newest: Verdict
}

/** Reads topic and tables, and compares. Nothing of the library is used here. */
export async function judgeCountedRows(brokers: readonly string[], topic: string, ask: Ask): Promise<RowsVerdict> {
  const records = await readTopic(brokers, topic)
  const expected = expectedOutputs(records)
  const outputs = byPartition(
    await ask('SELECT partition, position::text, key, value FROM outputs ORDER BY place'),
    ({ partition, position, key, value }) => [partition, position, key, value],
  )
  const newest = byPartition(
    await ask('SELECT partition, key, value FROM newest ORDER BY key'),
    ({ partition, key, value }) => [partition, key, value],
  )
  const numbers = new Set([...records.values()].flat().map(({ value }) => numberIn(value)))
  return {
    numbers: numbers.size,
    outputs: compare(expected, outputs),
    newest: compare(new Map([...expected].map(([partition, lines]) => [partition, newestOf(lines)])), newest),
  }
}

/** The last line of each key, by key. */
function newestOf(lines: readonly string[]): string[] {
  const last = new Map<string, string>()
  for (const line of lines) {
    const [partition, , key, value] = JSON.parse(line) as [number, string, string, string]
    last.set(key, JSON.stringify([partition, key, value]))
  }
  return [...last].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line)
}

function byPartition(
  rows: Awaited<ReturnType<Ask>>,
  line: (row: Readonly<Record<string, unknown>>) => readonly unknown[],
): Outputs {
  const found = new Map<number, string[]>()
  for (const row of rows) {
    const partition = Number(row['partition'])
    const lines = found.get(partition) ?? []
    lines.push(JSON.stringify(line(row)))
    found.set(partition, lines)
  }
  return found
}
