import { writeFile } from 'node:fs/promises'

/** How many rows are missing, or too many: equal ones count each. */
export function wrongRows(found: readonly string[], expected: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const row of expected) counts.set(row, (counts.get(row) ?? 0) + 1)
  for (const row of found) counts.set(row, (counts.get(row) ?? 0) - 1)
  return [...counts.values()].reduce((wrong, count) => wrong + Math.abs(count), 0)
}

export async function writeRows(path: string, columns: readonly string[], rows: readonly string[]): Promise<void> {
  await writeFile(path, [columns.join(','), ...rows].map((row) => `${row}\n`).join(''))
}
