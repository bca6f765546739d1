/** The first command that anybody runs: it shows each late flight once, and would say so if it didn't. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { check } from '../../examples/demo/check.js'
import { type Delays, expectedDelays, wrongDelays } from '../../examples/demo/delays.js'
import { wrongRows } from '../../examples/demo/rows.js'
import { readFlights } from '../../examples/demo/flights.js'
import { byPartition } from '../../examples/demo/publish.js'
import { delaysBehind } from '../../examples/demo/windows.js'
import { projectRoot } from './project-files.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-demo-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe('the demo', () => {
  it('writes each late flight once, whatever an earlier run left', { timeout: 600_000 }, async () => {
    const out = join(directory, 'out/delayed-flights')
    await mkdir(out, { recursive: true })
    await writeFile(join(out, 'earlier.jsonl'), '{"date":"of an earlier run"}\n')
    await writeFile(join(directory, 'out/somebody-elses.jsonl'), '{}\n')

    // As scripts/start.mjs calls it, which would install and build before.
    const demo = JSON.stringify(pathToFileURL(join(projectRoot, 'dist/examples/demo/main.js')))
    const start = join(directory, 'start.mjs')
    await writeFile(start, `process.exitCode = await (await import(${demo})).main([])`)
    const { stdout } = await promisify(execFile)(process.execPath, [start], { cwd: directory })

    expect(stdout).toMatch(/^read +20,000 /m)
    expect(stdout).toMatch(/^written +1,089 /m)
    expect(stdout).toMatch(/^missing +0$/m)
    expect(stdout).toMatch(/^duplicated +0$/m)
    expect(stdout).toMatch(/^averages +6,901,/m)
    expect(stdout).toMatch(/^connections +19,812,/m)
    expect(stdout).toMatch(/^wrong +0$/m)
    expect(stdout).toMatch(
      /^Web UI +http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/tidemark%2Fdelayed-flights$/m,
    )

    const files = (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.jsonl'))
    const lines = (await Promise.all(files.map((name) => readFile(join(out, name), 'utf8'))))
      .join('')
      .trim()
      .split('\n')
    const data = await readFile(join(projectRoot, 'node_modules/vega-datasets/data/flights-20k.json'), 'utf8')
    const flights = JSON.parse(data) as { delay: number }[]
    const late = flights.filter(({ delay }) => delay > 60).map((flight) => JSON.stringify(flight))
    expect(lines.toSorted()).toEqual(late.toSorted())
    expect(await readdir(join(directory, 'out'))).toContain('somebody-elses.jsonl')
    expect(await readFile(join(directory, 'out/delays-by-airport.csv'), 'utf8')).toBe(delaysOf(data))
    expect(await readFile(join(directory, 'out/connections.csv'), 'utf8')).toBe(connectionsOf(data))
  })
})

/** The export as it has to be, said in other words than the demo's own check. */
function delaysOf(data: string): string {
  const flights = JSON.parse(data) as { origin: string; date: string; delay: number }[]
  const groups = new Map<string, number[]>()
  for (const { origin, date, delay } of flights) {
    const group = [origin, date.slice(0, 10).split('/').join('-')].join(',')
    groups.set(group, [...(groups.get(group) ?? []), delay])
  }
  const rows = [...groups].map(([group, delays]) => {
    const total = delays.reduce((sum, delay) => sum + delay)
    const [most] = delays.toSorted((a, b) => b - a)
    return `${group},${delays.length},${(total / delays.length).toFixed(4)},${most}`
  })
  return ['origin,day,flights,average,maximum', ...rows.toSorted(), ''].join('\n')
}

/** Pairs by airport and minute, where the demo's own check takes all with all. */
function connectionsOf(data: string): string {
  const flights = JSON.parse(data) as { origin: string; destination: string; date: string }[]
  const leaving = new Map<string, typeof flights>()
  for (const flight of flights) leaving.set(flight.origin, [...(leaving.get(flight.origin) ?? []), flight])
  const minute = (date: string): number => {
    const [year = 0, month = 0, day = 0, hour = 0, minutes = 0] = date.split(/[/ :]/).map(Number)
    return Date.UTC(year, month - 1, day, hour, minutes) / 60_000
  }
  const rows = flights.flatMap((first) =>
    (leaving.get(first.destination) ?? [])
      .filter(({ date }) => minute(date) > minute(first.date) && minute(date) <= minute(first.date) + 240)
      .map((second) => `${second.origin},${first.date},${first.origin},${second.date},${second.destination}`),
  )
  return ['via,first_date,first_origin,second_date,second_destination', ...rows.toSorted(), ''].join('\n')
}

describe('its own check', () => {
  const write = (name: string, lines: readonly unknown[]): Promise<void> =>
    writeFile(join(directory, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

  it('counts what is missing, duplicated, altered and out of place', async () => {
    const flights = await readFlights()
    const late = flights.filter(({ delay }) => delay > 60)
    await write('a.jsonl', late.slice(0, 500))
    await write('b.jsonl', late.slice(500))
    expect(await check(directory, flights)).toEqual({ written: 1_089, missing: 0, duplicated: 0, unexpected: 0 })

    const onTime = flights.find(({ delay }) => delay <= 60)
    const [first, second] = late
    await write('a.jsonl', [...late.slice(3, 500), late[10], onTime, { ...first, delay: 61 }, { ...second, gate: 1 }])
    expect(await check(directory, flights)).toEqual({ written: 1_090, missing: 3, duplicated: 1, unexpected: 3 })
  })

  it('counts pairs as often as they are missing or too many', () => {
    expect(wrongRows(['a', 'a', 'b'], ['a', 'a', 'b'])).toBe(0)
    expect(wrongRows(['a', 'c'], ['a', 'a', 'b'])).toBe(3)
  })

  it('knows which days a checkpoint had not seen the end of', async () => {
    const flights = await readFlights()
    const right = expectedDelays(flights)
    const partitions = byPartition(flights)
    const behind = (share: number) =>
      delaysBehind(
        partitions.map((own, partition) => ({ partition, positions: { flights: String(own.length * share) } })),
        flights,
      )
    expect(partitions.flat()).toHaveLength(20_000)
    expect(wrongDelays(behind(0), right)).toBe(0)
    // An hour after the last flight nobody knows that no other comes.
    const last = right.filter(({ day }) => day === '2001-03-31')
    expect(wrongDelays(behind(1), last)).toBe(0)
  })

  it('counts rows that are missing, too many, or otherwise', async () => {
    const right = expectedDelays(await readFlights())
    expect(right).toHaveLength(6_901)
    expect(wrongDelays(right, right)).toBe(0)
    expect(wrongDelays(right.slice(1), right)).toBe(1)
    const [first, ...others] = right
    expect(wrongDelays([{ ...first, maximum: '61' } as Delays, ...others], right)).toBe(2)
  })
})
