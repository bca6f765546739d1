import type { Item } from '../../definition/sink.js'
import { SinkUnauthorized } from '../../errors/sink.js'
import { cellText, element } from './cell.js'
import type { Column, Columns } from './columns.js'
import type { Session } from './database.js'
import type { Target } from './failure.js'
import { quoted, quotedTable } from './identifier.js'
import type { Row, Shape } from './row.js'
import { copyText } from './copy-text.js'

export interface TableOptions {
  readonly table: string
  readonly method: 'insert' | 'copy'
  /** Columns whose rows replace each other; null: every row is a new one. */
  readonly key: readonly string[] | null
}

/** One statement for any number of rows of one shape. */
export interface Statement {
  readonly text: string
  readonly columns: readonly Column[]
}

/** Statements kept for shapes that come again. More shapes than that are made anew. */
const KEPT = 64

/** Writes rows of any shapes into one table, in order: one statement for each run of rows that have the same columns. */
export class Inserter {
  readonly #options: TableOptions
  readonly #columns: Columns
  readonly #target: Target
  readonly #statements = new Map<string, Statement>()

  constructor(options: TableOptions, columns: Columns, target: Target) {
    this.#options = options
    this.#columns = columns
    this.#target = target
  }

  async apply(session: Session, items: readonly Item<Row>[]): Promise<void> {
    for (let from = 0; from < items.length;) {
      const shape = items[from]?.data.shape
      if (shape === undefined) return
      let to = from + 1
      while (items[to]?.data.shape.id === shape.id) to++
      await this.#run(session, shape, from === 0 && to === items.length ? items : items.slice(from, to))
      from = to
    }
  }

  async #run(session: Session, shape: Shape, items: readonly Item<Row>[]): Promise<void> {
    const { text, columns } = this.#statementFor(shape)
    if (this.#options.method === 'copy') await session.copy(text, copyText(items, columns))
    else
      await session.query(
        text,
        columns.map((column, index) => arrayOf(items, index, column)),
      )
  }

  #statementFor(shape: Shape): Statement {
    const known = this.#statements.get(shape.id)
    if (known !== undefined) return known
    const columns = shape.columns.map((name) => this.#columnOf(name))
    const statement = { text: statementText(this.#options, shape.columns, columns), columns }
    if (this.#statements.size >= KEPT) this.#statements.clear()
    this.#statements.set(shape.id, statement)
    return statement
  }

  #columnOf(name: string): Column {
    const column = this.#columns.get(name)
    if (column !== undefined) return column
    const { at, target } = this.#target
    throw new SinkUnauthorized({ ...at, target, doing: 'commit', reason: `the table has no column '${name}'` })
  }
}

function statementText({ table, method, key }: TableOptions, names: readonly string[], columns: readonly Column[]) {
  const list = names.map(quoted).join(', ')
  const into = `${quotedTable(table)} (${list})`
  if (method === 'copy') return `COPY ${into} FROM STDIN`
  const given = columns.map((_, i) => `$${i + 1}::text[]`).join(', ')
  const values = columns.map(({ type }, i) => `c${i + 1}::${type} AS ${quoted(names[i] ?? '')}`).join(', ')
  const rows = `unnest(${given}) WITH ORDINALITY AS given (${columns.map((_, i) => `c${i + 1}`).join(', ')}, n)`
  if (key === null) return `INSERT INTO ${into} SELECT ${values} FROM ${rows}`
  // A statement may touch a row once: the last one of each key counts. A null is equal to nothing, so it hides nothing.
  // In the order of keys, so that two statements which meet wait for each other and don't deadlock.
  const keys = key.map(quoted)
  const nth = quoted(beside(names))
  const order = [...keys, `CASE WHEN ${keys.map((name) => `${name} IS NULL`).join(' OR ')} THEN ${nth} END`].join(', ')
  const others = names.filter((name) => !key.includes(name)).map((name) => `${quoted(name)} = EXCLUDED.${quoted(name)}`)
  const update = others.length === 0 ? 'NOTHING' : `UPDATE SET ${others.join(', ')}`
  return `INSERT INTO ${into} SELECT ${list} FROM (SELECT DISTINCT ON (${order}) * FROM
    (SELECT ${values}, n AS ${nth} FROM ${rows}) AS typed ORDER BY ${order}, ${nth} DESC) AS newest
    ON CONFLICT (${keys.join(', ')}) DO ${update}`
}

/** A name that none of these columns has. */
function beside(names: readonly string[]): string {
  let name = 'n'
  while (names.includes(name)) name += '_'
  return name
}

/** One column of all rows, as a list of texts. */
function arrayOf(items: readonly Item<Row>[], index: number, column: Column): string {
  let text = '{'
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ','
    text += element(cellText(items[i]?.data.cells[index] ?? null, column.lists))
  }
  return `${text}}`
}
