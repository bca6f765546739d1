import type { Output } from '../../definition/sink.js'
import { type Cell, cellOf } from './cell.js'

/** The columns of a row, shared by all rows in succession that have the same. */
export interface Shape {
  readonly columns: readonly string[]
  /** Tells shapes apart. */
  readonly id: string
}

/** One output as a row: what isn't given (`undefined`) is no column of it, so that its default applies. */
export interface Row {
  readonly shape: Shape
  readonly cells: readonly Cell[]
}

/** Rows for a table. `key`: columns that each row has to have. Throws for what is no row. */
export function rowEncoder(key: readonly string[]): (output: Output<unknown>) => Row {
  let last: Shape = { columns: [], id: '' }
  return ({ value }) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError('a row has to be an object, its properties named as the columns')
    }
    const cells: Cell[] = []
    const columns: string[] = []
    for (const [column, given] of Object.entries(value)) {
      if (given === undefined) continue
      columns.push(column)
      cells.push(cellOf(given))
    }
    if (!isSame(columns, last.columns)) last = shapeOf(columns, key)
    return { shape: last, cells }
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function shapeOf(columns: readonly string[], key: readonly string[]): Shape {
  if (columns.length === 0) throw new TypeError('a row has to have a property at least')
  const missing = key.filter((column) => !columns.includes(column))
  if (missing.length > 0) throw new TypeError(`the row has no ${missing.join(', ')}, which is part of the key`)
  return { columns, id: columns.join('\0') }
}

/** What the chained digest runs over. No text of Postgres holds a zero, so it parts columns; nor a lone one, so it is null. */
export function rowDigest({ shape, cells }: Row): Uint8Array {
  let text = shape.id
  for (const cell of cells) {
    text += cell === null ? '\0\0' : typeof cell === 'string' ? `\0${cell}` : `\0${cell.list}`
  }
  return Buffer.from(text)
}
