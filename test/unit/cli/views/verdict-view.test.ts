import picocolors from 'picocolors'
import { expect, test } from 'vitest'
import { isWrong, verdictView } from '../../../../src/cli/views/verdict-view.js'
import type { Difference, Verdict } from '../../../../src/rerun/verify.js'

const colors = picocolors.createColors(false)
const verdict: Verdict = {
  stage: 'main',
  partition: 3,
  generation: 2,
  epochs: 29,
  from: 12,
  to: 40,
  records: 12_345,
  runs: 3,
  ledgers: null,
  difference: null,
}
const difference: Difference = {
  epoch: 31,
  ledger: 'files',
  expected: 'abc',
  found: 'def',
  cause: 'non-deterministic',
  steps: ['late'],
}
const lines = (more: Partial<Verdict> = {}): string[] => verdictView({ ...verdict, ...more }, colors).split('\n')

test('what is verified: which epochs, how many records, from how many runs', () => {
  expect(lines()).toEqual([
    'main/3  verified: epochs 12 to 40 of generation 2, 12,345 records executed again, from 3 workflow runs',
  ])
  expect(lines({ ledgers: { matching: ['files'], ahead: ['rows'], differing: [] } })[1]).toBe(
    '  the newest receipt of files says the same',
  )
  expect(isWrong(verdict)).toBe(false)
})

test('what differs: epoch, ledger, digests, and which step it was', () => {
  const [head, recorded, again, why] = lines({ difference })
  expect(head).toBe('main/3  differs')
  expect(recorded).toBe("  epoch 31, ledger 'files': recorded digest abc")
  expect(again).toMatch(/^ +executed again def$/)
  expect(why).toMatch(/^ {2}'late' makes something else of the same records each time/)
  expect(lines({ difference: { ...difference, cause: 'changed', steps: ['a', 'b'] } })[3]).toContain("code of 'a', 'b'")
  expect(isWrong({ ...verdict, difference })).toBe(true)
})

test('a ledger that differs is wrong as well; a task that is not so far is not', () => {
  const ledgers = { matching: [], ahead: [], differing: ['files'] }
  expect(lines({ ledgers })[1]).toContain('the newest receipt of files says something else')
  expect(isWrong({ ...verdict, ledgers })).toBe(true)
  expect(lines({ from: null, epochs: 0 })).toEqual(['main/3  generation 2 has not come so far: nothing to verify'])
})
