import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import type { Task } from './task.js'
import { asking, type Call, claimed, count, eventually, Gate, type Parts, until } from './asking.js'

let log: LogSource
let out: BreakableSink
let task: Task

async function start(call: Call, parts: Parts & { readonly commitMs?: number | null } = {}): Promise<void> {
  await run(asking(log, out, call, parts), parts.commitMs)
}

async function run(pipeline: Pipeline, commitMs: number | null = null): Promise<void> {
  task = await claimed(pipeline, commitMs)
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
})
afterEach(async () => {
  await task.lose()
})

describe('calls', () => {
  test('run side by side, at most as many as allowed, and keep the order', async () => {
    let now = 0
    let most = 0
    await start(
      async (n) => {
        most = Math.max(most, ++now)
        await delay(Math.random() * 8)
        now--
        return n
      },
      { options: { concurrency: 4 } },
    )
    log.append(...count(200))
    expect(await task.epoch(until(200))).toMatchObject({ ended: 'until', read: 200, written: 200 })
    expect(out.values).toEqual(count(200))
    expect(most).toBe(4)
  })

  test('come to an end before a commit, whatever clock strikes', async () => {
    let now = 0
    const atCommit: number[] = []
    out.hook = (at) => at === 'commit' && atCommit.push(now)
    await start(
      async (n) => {
        now++
        await delay(1 + (n % 10))
        now--
        return n
      },
      { commitMs: 0 },
    )
    log.batch = 30
    log.append(...count(300))
    await task.epoch(until(300))
    expect(out.values).toEqual(count(300))
    expect(atCommit.length).toBeGreaterThan(5)
    expect(new Set(atCommit)).toEqual(new Set([0]))
  })

  test('wait for the first, and not for one another', async () => {
    const gate = new Gate()
    await start(gate.call, { options: { concurrency: 3 } })
    log.append(0, 1, 2, 3, 4)
    const epoch = task.epoch(until(5))
    await eventually(() => gate.asked.length === 3)
    gate.open(1)
    gate.open(2)
    await eventually(() => gate.asked.length === 5)
    gate.open(4)
    gate.open(3)
    await delay(5)
    expect(out.values).toEqual([])
    gate.open(0)
    expect(await epoch).toMatchObject({ read: 5 })
    expect(out.values).toEqual([0, 1, 2, 3, 4])
  })

  test('see their own record for as long as they like', async () => {
    const seen: unknown[] = []
    log.decodeKey = (key) => String(key)
    await start(async (n, ctx) => {
      await delay(n === 0 ? 20 : 1)
      const { origin, timestamp, key, now, idempotencyKey } = ctx
      seen[n] = [n, origin.position, timestamp, key, now, idempotencyKey]
      return n
    })
    log.append(0, 1, 2)
    await task.epoch(until(3))
    const expected = (n: number): unknown[] => [
      n,
      String(n),
      n * 10,
      `key-${n}`,
      1_000,
      `calling/main/numbers-0-${n}-call-0`,
    ]
    expect(seen).toEqual([0, 1, 2].map(expected))
  })

  test('more than may be kept in memory at once go on', async () => {
    await start(async (n) => n, { options: { concurrency: 1_000 } })
    log.batch = 5_000
    log.append(...count(5_000))
    expect(await task.epoch(until(5_000))).toMatchObject({ read: 5_000 })
    expect(out.values).toEqual(count(5_000))
  })

  test('a function that returns no promise is taken as it is', async () => {
    await start(((n: number) => n + 1) as unknown as Call)
    log.append(0, 1)
    await task.epoch(until(2))
    expect(out.values).toEqual([1, 2])
  })
})
