/** The text of an upsert, for columns that are named as its own parts. */
import { expect, test } from 'vitest'
import type { Session } from '../../../../src/connectors/postgres/database.js'
import { Inserter } from '../../../../src/connectors/postgres/insert.js'
import { rowEncoder } from '../../../../src/connectors/postgres/row.js'
import { outputOf } from '../writing.js'

test.each([
  ['a', 'n'],
  ['a', 'm'],
  ['n', 'n_'],
])('columns %s and %s: the order of rows has a name of its own', async (key, other) => {
  const texts: string[] = []
  const session = { query: (text: string) => Promise.resolve(void texts.push(text)) } as unknown as Session
  const column = { type: 'integer', lists: 'list' } as const
  const at = { pipeline: 'p', stage: 'main', partition: 0, sink: 'out' }
  const inserter = new Inserter(
    { table: 't', method: 'insert', key: [key] },
    new Map([key, other].map((name) => [name, column])),
    { at, target: 'table t' },
  )
  const data = rowEncoder([key])(outputOf({ [key]: 1, [other]: 2 }, 0))
  await inserter.apply(session, [{ id: 'i', sink: 'out', data }])
  const [, columns = ''] = /\(SELECT (c1.*) FROM unnest/.exec(texts[0] ?? '') ?? []
  const names = [...columns.matchAll(/AS ("[^"]+")/g)].map(([, name]) => name)
  expect(names.slice(0, 2)).toEqual([`"${key}"`, `"${other}"`])
  expect(new Set(names).size).toBe(3)
  expect(texts[0]).toContain(`, ${names[2]} DESC) AS newest`)
})
