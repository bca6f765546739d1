import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { compare, type Verdict } from './compare.js'
import { expectedOutputs, withoutChance } from './counted.js'
import { readOutput } from './read-output.js'
import type { TopicRecord } from './read-topic.js'

/** The oracle has to find what is wrong with an output: a whole one is damaged in every way, and each has to be told. */
describe('the oracle', () => {
  let directory: string
  const partitions = [0, 1]
  const perFile = 10
  const records = new Map(partitions.map((partition) => [partition, Array.from({ length: 40 }, record(partition))]))
  const expected = expectedOutputs(records)

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-oracle-'))
    for (const partition of partitions) {
      const lines = (expected.get(partition) ?? []).map((line) => asOutput(line))
      for (let seq = 1; lines.length > 0; seq++) await write(partition, seq, lines.splice(0, perFile))
    }
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('finds nothing wrong with what is whole', async () => {
    const verdict = await judge()
    expect(verdict.expected).toBeGreaterThan(60)
    expect(verdict).toEqual(wrong(verdict, {}))
    expect(verdict.found).toBe(verdict.expected)
  })

  it('expects filtered records nowhere and doubled ones twice', () => {
    const some = expectedOutputs(new Map([[0, [21, 22, 24].map((n) => recordOf(0, n, n))]]))
    expect(some.get(0)).toEqual(['[0,"22","k","22"]', '[0,"24","k","24a"]', '[0,"24","k","24b"]'])
  })

  it('finds a lost line', async () => {
    const [line] = await damage(0, 2, (lines) => lines.splice(3, 1))
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { lost: [line] }))
  })

  it('finds a lost file', async () => {
    const lines = await linesOf(0, 2)
    await rm(path(0, 2))
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { lost: lines }))
  })

  it('finds all of a partition lost', async () => {
    const verdict = compare(expected, new Map([[1, expected.get(1) ?? []]]))
    expect(verdict).toEqual(wrong(verdict, { lost: expected.get(0) }))
  })

  it('finds a line that is there twice', async () => {
    const [line = ''] = await linesOf(1, 1)
    await damage(1, 3, (lines) => lines.splice(4, 0, asOutput(line)) && [line])
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { duplicated: [line] }))
  })

  it('finds two lines that have changed places', async () => {
    await damage(0, 1, (lines) => {
      lines.splice(3, 2, lines[4] ?? '', lines[3] ?? '')
      return []
    })
    const verdict = await judge()
    expect(verdict.reordered).toHaveLength(1)
    expect(verdict).toEqual(wrong(verdict, { reordered: verdict.reordered }))
  })

  it('counts as reordered only what is out of place', async () => {
    const lines = expected.get(0) ?? []
    const [first = '', ...others] = lines
    const verdict = compare(new Map([[0, lines]]), new Map([[0, [...others, first]]]))
    expect(verdict).toEqual(wrong(verdict, { reordered: [first] }))
  })

  it('finds a line of another partition, and misses it in its own', async () => {
    const [line = ''] = await damage(0, 1, (lines) => lines.splice(0, 1))
    await damage(1, 1, (lines) => lines.splice(0, 0, asOutput(line)) && [])
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { lost: [line], foreign: [line] }))
  })

  it.each([
    ['another value', (line: string) => line.replace('"value":"', '"value":"9')],
    ['another field', (line: string) => line.replace('{', '{"extra":1,')],
    ['something that is no JSON', (line: string) => line.slice(1)],
    ['no epoch time', (line: string) => line.replace(/"now":\d+/, '"now":null')],
  ])('finds a line with %s', async (_, change) => {
    const [before, after] = await damage(0, 2, (lines) => {
      const [line = ''] = lines.splice(0, 1)
      lines.unshift(change(line))
      return [line, change(line)]
    })
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { lost: [before], foreign: [after] }))
  })

  it('finds an old state that has come back under a new name', async () => {
    const lines = await linesOf(0, 2)
    await copyFile(path(0, 2), path(0, 99))
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { duplicated: lines }))
  })

  it('finds an old state that has come back in place of a newer one', async () => {
    const [old, newer] = [await linesOf(0, 2), await linesOf(0, 3)]
    await copyFile(path(0, 2), path(0, 3))
    const verdict = await judge()
    expect(verdict).toEqual(wrong(verdict, { lost: newer, duplicated: old }))
  })

  it('refuses a file that ends in the middle of a line', async () => {
    await writeFile(path(0, 2), (await readFile(path(0, 2), 'utf8')).slice(0, -1))
    await expect(judge()).rejects.toThrow('middle of a line')
  })

  const path = (partition: number, seq: number): string =>
    join(directory, `main-${String(partition).padStart(5, '0')}-g0001-${String(seq).padStart(12, '0')}.jsonl`)

  const write = (partition: number, seq: number, lines: readonly string[]): Promise<void> =>
    writeFile(path(partition, seq), lines.map((line) => `${line}\n`).join(''))

  async function linesOf(partition: number, seq: number): Promise<string[]> {
    const text = await readFile(path(partition, seq), 'utf8')
    return text.trimEnd().split('\n').map(withoutChance)
  }

  /** Changes the lines of a file. Gives what `change` gives, as the oracle names lines. */
  async function damage(partition: number, seq: number, change: (lines: string[]) => string[]): Promise<string[]> {
    const lines = (await readFile(path(partition, seq), 'utf8')).trimEnd().split('\n')
    const told = change(lines)
    await write(partition, seq, lines)
    return told.map((line) => (line.startsWith('[') ? line : withoutChance(line)))
  }

  async function judge(): Promise<Verdict> {
    const lines = await readOutput(directory)
    return compare(expected, new Map([...lines].map(([partition, some]) => [partition, some.map(withoutChance)])))
  }
})

/** A verdict with these faults and no others. */
function wrong(verdict: Verdict, faults: Partial<Record<keyof Verdict, unknown>>): unknown {
  const { expected, found } = verdict
  return { expected, found, lost: [], duplicated: [], reordered: [], foreign: [], ...faults }
}

const record =
  (partition: number) =>
  (_: unknown, index: number): TopicRecord =>
    recordOf(partition, index + 5, 1_000 * partition + index)

function recordOf(partition: number, offset: number, n: number): TopicRecord {
  return { partition, offset, key: 'k', value: JSON.stringify({ n }) }
}

/** The output line that the oracle names so. */
function asOutput(named: string): string {
  const [partition, offset, key, value] = JSON.parse(named) as unknown[]
  return JSON.stringify({ partition, offset, key, value, now: 1_700_000_000_000, dice: 0.25 })
}
