import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import type { Task } from './task.js'
import { text } from '../../../src/definition/serdes/index.js'
import { otherwise } from '../../../src/definition/stream.js'
import { type Call, claimed, count, type Ctx, until } from './asking.js'

let log: LogSource
let out: BreakableSink
let task: Task

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

  test('a key given before, behind, or between is that of what follows, and of what goes out', async () => {
    const serde = { key: text(), alreadyPartitioned: true } as const
    const keyed = out.sink<readonly unknown[]>({ scope: 'one', encode: ({ value, key }) => [...value, String(key)] })
    await run(
      definePipeline({
        name: 'keyed',
        sources: { numbers: log.source() },
        steps: ({ numbers }) => {
          const asked = numbers
            .keyBy('first', (n) => `first-${n}`, serde)
            .asyncMap('call', async (n, ctx) => {
              await delay(3 - (n % 3))
              return [n, ctx.key]
            })
          return [
            asked.map('seen', (v, ctx) => [...v, ctx.key]).to('out', keyed),
            asked.keyBy('second', ([n]) => `second-${n}`, serde).to('other', keyed),
          ]
        },
      }),
    )
    log.append(1, 2)
    await task.epoch(until(2))
    expect(out.values).toEqual([
      [1, 'first-1', 'first-1', 'first-1'],
      [1, 'first-1', 'second-1'],
      [2, 'first-2', 'first-2', 'first-2'],
      [2, 'first-2', 'second-2'],
    ])
  })

  test('what comes behind it sees its own record, and random numbers that do not depend on who was first', async () => {
    const runOnce = async (ms: (n: number) => number): Promise<readonly unknown[]> => {
      ;[log, out] = [new LogSource(), new BreakableSink('out')]
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
      ;[log, out] = [new LogSource(), new BreakableSink('out')]
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
      ;[log, out] = [new LogSource(), new BreakableSink('out')]
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
