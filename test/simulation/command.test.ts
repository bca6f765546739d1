import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { optionsFrom } from './options.js'
import { rules } from './rules.js'

const script = fileURLToPath(new URL('../../scripts/simulate.mjs', import.meta.url))

function simulate(...args: readonly string[]): { code: number | null; lines: string[] } {
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  return { code: status, lines: stdout.trimEnd().split('\n') }
}

test('the command tells on its last line how many failed', { timeout: 400_000 }, () => {
  const { code, lines } = simulate('--seeds', '5', '--first-seed', '40')
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ seeds: 5, firstSeed: 40, failed: 0 })
  expect(code).toBe(0)
})

test('with a rule broken it shows a schedule that fails', { timeout: 400_000 }, () => {
  const rule = rules.find(({ name }) => name === 'no-muting')
  const { code, lines } = simulate('--break', 'no-muting', '--first-seed', String(rule?.seed), '--seeds', '500')
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ firstSeed: rule?.seed, failed: 1 })
  expect(lines[0]).toMatch(/^seed \d+ breaks invariant 1: /)
  expect(lines).toContainEqual(expect.stringMatching(/^ *\d+ BROKEN 1: /))
  expect(code).toBe(0)
})

test('a broken rule that nothing shows is a failure', { timeout: 400_000 }, () => {
  const { code, lines } = simulate('--break', 'owners-without-claims', '--first-seed', '1', '--seeds', '1')
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ seeds: 1, firstSeed: 1, failed: 0 })
  expect(code).toBe(1)
})

test('names the rules that can be broken', { timeout: 400_000 }, () => {
  const { code, lines } = simulate('--break', 'list')
  expect(lines.map((line) => line.split(' ')[0])).toEqual(rules.map(({ name }) => name))
  expect(code).toBe(0)
})

test('wrong options are told', () => {
  expect(() => optionsFrom(['--seeds', 'x'])).toThrow('--seeds must be a number above zero, got x')
  expect(() => optionsFrom(['--break', 'nonsense'])).toThrow("no rule is called 'nonsense'")
  expect(() => optionsFrom(['--asks', '--joins'])).toThrow('--asks and --joins are of different pipelines')
  expect(simulate('--seeds', '0').code).toBe(2)
})
