import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { otherwise } from '../../../src/definition/stream.js'
import { BreakableSink } from './breakable-sink.js'
import {
  anew,
  count,
  eventually,
  Gate,
  log,
  out,
  run,
  setUp,
  start,
  task,
  type Call,
  type Ctx,
  until,
} from './calling.js'

setUp()

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

describe('steps around it', () => {
  test('several, in branches and behind one another, give what they would if nobody had to wait', async () => {
    const beside = new BreakableSink('beside')
    const later = async (n: number): Promise<number> => {
      await delay(Math.random() * 4)
      return n
    }
    const scope = 'one'
    await run(
      definePipeline({
        name: 'branching',
        sources: { numbers: log.source() },
        steps: ({ numbers }) => {
          const { even, odd } = numbers
            .flatMap('twice', (n) => [n, n + 0.5])
            .branch('parity', { even: (n) => Math.floor(n) % 2 === 0, odd: otherwise })
          const asked = even.asyncMap('even-call', later).asyncMap('again', later, { concurrency: 2 })
          const all = odd.map('as-is', (n) => -n).merge('both', asked, odd.asyncMap('odd-call', later))
          return [all.to('out', out.sink<number>({ scope })), asked.to('beside', beside.sink<number>({ scope }))]
        },
      }),
    )
    log.append(...count(50))
    await task.epoch(until(50))
    const all = count(50).flatMap((n) => (n % 2 === 0 ? [n, n, n + 0.5, n + 0.5] : [-n, n, -n - 0.5, n + 0.5]))
    // Sinks of one scope share what the first of them has opened.
    expect(out.values).toEqual(all)
  })

  test('what comes behind it sees its own record, and random numbers that do not depend on who was first', async () => {
    const runOnce = async (ms: (n: number) => number): Promise<readonly unknown[]> => {
      anew()
      await run(
        definePipeline({
          name: 'drawing',
          sources: { numbers: log.source() },
          steps: ({ numbers }) =>
            numbers
              .map('before', (n, ctx) => ({ n, before: ctx.random() }))
              .flatMap('two', (v) => [v, v])
              .asyncMap('call', async (v) => {
                await delay(ms(v.n))
                return v
              })
              .map('behind', (v, ctx) => ({ ...v, at: ctx.origin.position, behind: ctx.random(), more: ctx.random() }))
              .to('out', out.sink<unknown>()),
        }),
      )
      log.append(0, 1, 2, 3)
      await task.epoch(until(4))
      await task.lose()
      return out.values
    }
    const values = (await runOnce((n) => n)) as {
      n: number
      at: string
      before: number
      behind: number
      more: number
    }[]
    expect(values.map(({ n, at }) => [n, at])).toEqual([0, 0, 1, 1, 2, 2, 3, 3].map((n) => [n, String(n)]))
    expect(new Set(values.flatMap(({ behind, more }) => [behind, more])).size).toBe(16)
    expect(new Set(values.flatMap(({ before }) => [before])).size).toBe(4)
    expect(await runOnce((n) => 4 - n)).toEqual(values)
  })

  test('random numbers behind two calls of one record are the same whichever is first', async () => {
    const runOnce = async (ms: number): Promise<readonly unknown[]> => {
      anew()
      await run(
        definePipeline({
          name: 'racing',
          sources: { numbers: log.source() },
          steps: ({ numbers }) => {
            const one = numbers.asyncMap('one', (n) => delay(10 - ms, n))
            const other = numbers.asyncMap('other', (n) => delay(ms, n))
            const drawn = one.merge('both', other).map('draw', (_, ctx) => ctx.random())
            return drawn.to('out', out.sink<unknown>())
          },
        }),
      )
      log.append(0)
      await task.epoch(until(1))
      await task.lose()
      return out.values
    }
    const values = await runOnce(1)
    expect(new Set(values).size).toBe(2)
    expect(await runOnce(9)).toEqual(values)
  })

  test('a decoder that takes its time is overtaken by calls, and puts nothing in their place', async () => {
    await run(
      definePipeline({
        name: 'decoding',
        sources: { numbers: log.source({ decode: (n) => delay(4, n) }) },
        steps: ({ numbers }) =>
          numbers
            .flatMap('two', (n) => [n, n])
            .asyncMap('call', (n) => delay(1, n))
            .map('behind', (n, ctx) => [n, ctx.origin.position])
            .to('out', out.sink<unknown>()),
      }),
    )
    log.append(0, 1, 2, 3)
    await task.epoch(until(4))
    expect(out.values).toEqual([0, 0, 1, 1, 2, 2, 3, 3].map((n) => [n, String(n)]))
  })

  test('each call of a record has a key of its own, the same however long others take', async () => {
    const runOnce = async (): Promise<readonly string[]> => {
      anew()
      const keys: string[] = []
      const call: Call = async (n, ctx) => {
        keys.push(ctx.idempotencyKey)
        await delay(Math.random() * 5)
        return n
      }
      await run(
        definePipeline({
          name: 'keys',
          sources: { numbers: log.source() },
          steps: ({ numbers }) => {
            const two = numbers.flatMap('two', (n) => [n, n])
            const one = two.asyncMap('one', call as (n: number, ctx: Ctx) => Promise<number>)
            const other = two.asyncMap('other', call as (n: number, ctx: Ctx) => Promise<number>)
            return one.merge('both', other).asyncMap('last', call).to('out', out.sink<unknown>())
          },
        }),
      )
      log.append(0, 1)
      await task.epoch(until(2))
      await task.lose()
      expect(new Set(keys).size).toBe(keys.length)
      return keys.toSorted()
    }
    const keys = await runOnce()
    expect(keys).toHaveLength(2 * (4 + 4))
    expect(keys).toContain('keys/main/numbers-0-1-other-1-last-0')
    expect(await runOnce()).toEqual(keys)
  })
})
