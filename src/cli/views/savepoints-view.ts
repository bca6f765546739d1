import type { SavepointInfo } from '../../client/savepoints.js'
import type { Colors } from '../terminal.js'
import { bytes, count } from './numbers.js'
import { type Column, table } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'SAVEPOINT' },
  { title: 'MADE' },
  { title: 'TASKS', align: 'right' },
  { title: 'STATE', align: 'right' },
]

export function savepointsView(savepoints: readonly SavepointInfo[], colors: Colors): string {
  const rows = savepoints.map((one) => [
    colors.bold(one.label),
    new Date(one.at).toISOString(),
    count(one.tasks.length),
    one.bytes === 0 ? '' : bytes(one.bytes),
  ])
  return table(COLUMNS, rows)
}
