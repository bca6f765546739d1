import { stripVTControlCharacters } from 'node:util'

export interface Column {
  readonly title: string
  /** Numbers stand at the right. Default: left. */
  readonly align?: 'right'
}

/** Columns as wide as their widest cell, two spaces apart; columns with nothing in them are left out. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const shown = columns.flatMap((column, index) => {
    const cells = rows.map((row) => row[index] ?? '')
    if (cells.every((cell) => cell === '')) return []
    return [{ index, ...column, width: Math.max(...[column.title, ...cells].map(widthOf)) }]
  })
  const line = (cellOf: (column: (typeof shown)[number]) => string): string =>
    shown
      .map((column) => {
        const cell = cellOf(column)
        const padding = ' '.repeat(column.width - widthOf(cell))
        return column.align === 'right' ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd()
  return [line(({ title }) => title), ...rows.map((row) => line(({ index }) => row[index] ?? ''))].join('\n')
}

const widthOf = (text: string): number => stripVTControlCharacters(text).length
