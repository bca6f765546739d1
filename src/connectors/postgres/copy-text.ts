import type { Item } from '../../definition/sink.js'
import type { Column } from './columns.js'
import { cellText } from './cell.js'
import type { Row } from './row.js'

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const SPECIAL = /[\\\n\r\t]/

/** Rows as `COPY … FROM STDIN` reads them. */
export function copyText(items: readonly Item<Row>[], columns: readonly Column[]): Uint8Array {
  let text = ''
  for (const { data } of items) {
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]
      if (column === undefined) continue
      const cell = cellText(data.cells[i] ?? null, column.lists)
      if (i > 0) text += '\t'
      if (cell === null) text += '\\N'
      else text += SPECIAL.test(cell) ? cell.replaceAll(/[\\\n\r\t]/g, (found) => ESCAPES[found] ?? found) : cell
    }
    text += '\n'
  }
  return Buffer.from(text)
}
