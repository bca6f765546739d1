import { expect, test } from 'vitest'
import { idFault } from '../../../src/definition/ids.js'

test.each(['a', 'a1', 'late', 'by-customer', 'a-1-b', 'x'.repeat(64)])('%s is an id of anything', (id) => {
  expect(idFault(id, 'kebab')).toBeUndefined()
  expect(idFault(id, 'property')).toBeUndefined()
})

test.each(['orderItems', 'aB'])('%s is the name of a source or branch only', (id) => {
  expect(idFault(id, 'kebab')).toMatch(/kebab-case/)
  expect(idFault(id, 'property')).toBeUndefined()
})

test.each([
  '',
  ' ',
  'A',
  'Order',
  '1a',
  '-a',
  'a-',
  'a--b',
  'a_b',
  'a.b',
  'a/b',
  'a b',
  'a\n',
  'ä',
  '../up',
  '__proto__',
  'x'.repeat(65),
  7,
  null,
  undefined,
  {},
])('%j is no id', (id) => {
  expect(idFault(id, 'kebab')).toMatch(/must/)
  expect(idFault(id, 'property')).toMatch(/must/)
})
