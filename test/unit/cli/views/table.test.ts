import picocolors from 'picocolors'
import { expect, test } from 'vitest'
import { ago, count, position } from '../../../../src/cli/views/numbers.js'
import { table } from '../../../../src/cli/views/table.js'

test('columns align, numbers at the right, and empty ones are left out', () => {
  const columns = [{ title: 'NAME' }, { title: 'N', align: 'right' as const }, { title: 'NOTE' }, { title: 'END' }]
  expect(
    table(columns, [
      ['a', '1', '', 'x'],
      ['long-name', '1,000', '', ''],
    ]),
  ).toBe(['NAME           N  END', 'a              1  x', 'long-name  1,000'].join('\n'))
})

test('colours take no room', () => {
  const { red } = picocolors.createColors(true)
  const [title, row] = table([{ title: 'STATE' }, { title: 'X' }], [[red('ok'), 'y']]).split('\n')
  expect(title?.indexOf('X')).toBe(7)
  expect(row).toBe(`${red('ok')}     y`)
})

test('numbers as people read them', () => {
  expect(count(1_234_567)).toBe('1,234,567')
  expect(position('86656')).toBe('86,656')
  expect(position('9007199254740993')).toBe('9007199254740993')
  expect(position('file-3:10')).toBe('file-3:10')
})

test.each([
  [0, '0 s ago'],
  [89_000, '89 s ago'],
  [120_000, '2 min ago'],
  [7_200_000, '2 h ago'],
  [172_800_000, '2 d ago'],
  [-5_000, '0 s ago'],
])('%i ms ago', (ms, text) => {
  expect(ago(1_000_000_000, 1_000_000_000 + ms)).toBe(text)
})
