/** A list, which is one text in a column of lists and another in one of JSON. */
export interface ListCell {
  /** `{1,2}` */
  readonly list: string
  /** `[1,2]`; null where JSON can't express it. */
  readonly json: string | null
}

/** A value as the server reads it, whatever the type of its column. */
export type Cell = string | null | ListCell

/** A cell as a column reads it that takes lists as lists, or as JSON. */
export function cellText(cell: Cell, lists: 'list' | 'json'): string | null {
  if (cell === null || typeof cell === 'string') return cell
  return lists === 'list' ? cell.list : (cell.json ?? cell.list)
}

/** Throws a `TypeError` or `RangeError` for what no column could take. */
export function cellOf(value: unknown): Cell {
  return Array.isArray(value) ? { list: listText(value), json: jsonOf(value) } : textOf(value)
}

function textOf(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      return value === null ? null : objectText(value)
    case 'undefined':
    case 'function':
    case 'symbol':
      throw new TypeError(`no column takes a value of type ${typeof value}`)
  }
}

function objectText(value: object): string {
  // In UTC, as ISO has it: other than by the process's own time zone, the same everywhere.
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`
  // Decimals, points in time and their like say themselves what their text is.
  const { toJSON } = value as { readonly toJSON?: unknown }
  if (typeof toJSON === 'function') {
    const given: unknown = (toJSON as () => unknown).call(value)
    if (typeof given === 'string') return given
  }
  return JSON.stringify(value)
}

function listText(values: readonly unknown[]): string {
  let text = '{'
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i]
    if (i > 0) text += ','
    if (Array.isArray(value)) text += listText(value)
    else if (value === undefined) text += 'NULL'
    else text += element(textOf(value))
  }
  return `${text}}`
}

/** One element of a list, so that no text is taken for anything else. */
export function element(text: string | null): string {
  if (text === null) return 'NULL'
  return SPECIAL.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`
}

const SPECIAL = /["\\]/

function jsonOf(value: readonly unknown[]): string | null {
  try {
    return JSON.stringify(value)
  } catch {
    return null
  }
}
