import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AsyncContext, AsyncOptions } from '../../../src/definition/context.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter } from '../../../src/definition/dead-letter.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Unkeyed } from '../../../src/definition/marks.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import { otherwise } from '../../../src/definition/stream.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

type Ctx = AsyncContext<Unkeyed>
type Call = (n: number, ctx: Ctx) => Promise<unknown>

let log: LogSource
let out: BreakableSink
let task: Task
let warnings: string[]

interface Parts {
  readonly onError?: PipelineOptions<unknown, unknown>['onError']
  readonly options?: AsyncOptions
  readonly commitMs?: number | null
}

/** Each number through `call` to `out`. */
async function start(call: Call, { onError, options, commitMs = null }: Parts = {}): Promise<void> {
  await run(
    definePipeline({
      name: 'calling',
      ...(onError !== undefined && { onError }),
      sources: { numbers: log.source() },
      steps: ({ numbers }) => numbers.asyncMap('call', call, options).to('out', out.sink<unknown>()),
    }),
    commitMs,
  )
}

async function run(pipeline: ConstructorParameters<typeof Task>[0], commitMs: number | null = null): Promise<void> {
  const log_ = { info: () => undefined, warn: (message: string) => void warnings.push(message) }
  task = new Task(pipeline, { commitMs, host: hostOf({ log: log_ }) })
  await task.claim()
}

const until = (position: number) => ({ until: { numbers: String(position) } })
const count = (n: number): number[] => Array.from({ length: n }, (_, index) => index)

/** What is called waits until the test lets it go. */
class Gate {
  readonly asked: number[] = []
  readonly signals: AbortSignal[] = []
  private readonly go = new Map<number, () => void>()

  readonly call: Call = async (n, { signal }) => {
    this.asked.push(n)
    this.signals.push(signal)
    await new Promise<void>((resolve) => this.go.set(n, resolve))
    return n
  }

  open(n: number): void {
    this.go.get(n)?.()
  }
}

/** Resolves when `look` is true; the test's own time-out says if it never is. */
async function eventually(look: () => boolean): Promise<void> {
  while (!look()) await delay(2)
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  warnings = []
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

describe('a call that fails', () => {
  const noThrees: Call = async (n) => {
    await delay(n === 3 ? 1 : 5)
    if (n === 3) throw new Error('three')
    return n
  }

  test("'fail' ends the epoch before its record, with all before it and nothing behind it", async () => {
    await start(noThrees, { commitMs: 0 })
    log.append(...count(6))
    const result = await task.epoch()
    expect(result).toMatchObject({ ended: 'problem', positions: { numbers: '3' }, read: 3, written: 3 })
    expect(result.problem).toMatchObject({
      code: 'StepFailed',
      message: expect.stringContaining("record 3 of partition 0 of source 'numbers': step 'call' failed: three"),
      details: { step: 'call', origin: { position: '3' } },
    })
    expect(out.values).toEqual([0, 1, 2])
  })

  test("'skip' counts it, and keeps nothing of it", async () => {
    await run(
      definePipeline({
        name: 'skipping',
        onError: 'skip',
        sources: { numbers: log.source() },
        steps: ({ numbers }) => {
          const fast = numbers.map('negative', (n) => -n)
          return fast.merge('both', numbers.asyncMap('call', noThrees as () => Promise<number>)).to('out', out.sink())
        },
      }),
      0,
    )
    log.append(1, 2, 3, 4)
    expect(await task.epoch(until(4))).toMatchObject({ read: 4, written: 6, skipped: 1 })
    expect(out.values).toEqual([-1, 1, -2, 2, -4, 4].map((n) => n))
    expect(warnings).toEqual([expect.stringContaining("step 'call' failed: three")])
  })

  test('a dead letter takes its place in order, in the same ledger', async () => {
    const scope = 'one'
    const onError = deadLetter(out.sink<DeadLetter>({ scope }))
    await run(
      definePipeline({
        name: 'lettering',
        onError,
        sources: { numbers: log.source() },
        steps: ({ numbers }) => numbers.asyncMap('call', noThrees).to('out', out.sink<unknown>({ scope })),
      }),
      0,
    )
    log.append(2, 3, 4)
    expect(await task.epoch(until(3))).toMatchObject({ read: 3, written: 3, deadLettered: 1 })
    expect(out.values).toEqual([2, expect.objectContaining({ reason: 'three', step: 'call' }), 4])
  })

  test('what fails behind it is named, with its own record; so are a sink, a decoder and a throw at once', async () => {
    const at = async (failing: 'behind' | 'sink' | 'decode' | 'at once' | 'reject'): Promise<unknown> => {
      ;[log, out] = [new LogSource(), new BreakableSink('out')]
      const no = (is: typeof failing, n: number): number => {
        if (failing === is && n === 1) throw new Error('no')
        return n
      }
      await run(
        definePipeline({
          name: 'naming',
          sources: { numbers: log.source({ decode: async (n) => no('decode', n) }) },
          steps: ({ numbers }) =>
            numbers
              .asyncMap('call', (n, ctx) => {
                if (failing === 'reject' && n === 1) ctx.reject('no')
                no('at once', n)
                return delay(4 - n, n)
              })
              .map('behind', (n) => no('behind', n))
              .to('out', out.sink<number>({ encode: ({ value }) => no('sink', value) })),
        }),
      )
      log.append(0, 1, 2)
      const { problem, read } = await task.epoch()
      const origin = problem?.details['origin'] as { readonly position: string }
      return [problem?.code, problem?.details['step'], origin.position, read]
    }
    expect(await at('behind')).toEqual(['StepFailed', 'behind', '1', 1])
    expect(await at('sink')).toEqual(['StepFailed', 'out', '1', 1])
    expect(await at('decode')).toEqual(['DecodeFailed', undefined, '1', 1])
    expect(await at('at once')).toEqual(['StepFailed', 'call', '1', 1])
    expect(await at('reject')).toEqual(['RecordRejected', 'call', '1', 1])
  })

  test('of a record that is bad nothing more is asked', async () => {
    const asked: unknown[] = []
    const behind: unknown[] = []
    await run(
      definePipeline({
        name: 'asking',
        onError: 'skip',
        sources: { numbers: log.source() },
        steps: ({ numbers }) =>
          numbers
            .flatMap('many', (n) => [1, 2, 3, 4].map((i) => `${n}.${i}`))
            .asyncMap(
              'call',
              async (text) => {
                asked.push(text)
                await delay(1)
                if (text === '7.1') throw new Error('seven')
                return text
              },
              { concurrency: 1 },
            )
            .map('behind', (text) => {
              behind.push(text)
              return text
            })
            .to('out', out.sink()),
      }),
    )
    log.append(7, 8)
    expect(await task.epoch(until(2))).toMatchObject({ skipped: 1 })
    expect(asked).toEqual(['7.1', '8.1', '8.2', '8.3', '8.4'])
    expect(behind).toEqual(['8.1', '8.2', '8.3', '8.4'])
    expect(out.values).toEqual(behind)
  })
})

describe('a call that takes too long', () => {
  test('is aborted, and its record is bad', async () => {
    const reasons: unknown[] = []
    await start(
      (n, { signal }) =>
        n === 1
          ? new Promise(() => {
              signal.addEventListener('abort', () => reasons.push(signal.reason))
            })
          : Promise.resolve(n),
      { onError: 'skip', options: { timeout: 20 } },
    )
    log.append(0, 1, 2)
    expect(await task.epoch(until(3))).toMatchObject({ skipped: 1, written: 2 })
    expect(warnings).toEqual([expect.stringContaining("step 'call' timed out: it has not settled within 0.02 s")])
    expect(reasons).toEqual([expect.objectContaining({ code: 'StepTimeout' })])
  })

  test('parks the task with StepTimeout', async () => {
    await start(() => new Promise(() => undefined), {
      options: { timeout: 5, retry: { attempts: 2, initialInterval: 1 } },
    })
    log.append(0)
    expect((await task.epoch()).problem).toMatchObject({
      code: 'StepTimeout',
      details: { step: 'call', timeoutMs: 5, attempts: 2 },
    })
  })

  test('what comes back too late is nobody’s', async () => {
    await start((n) => delay(n === 0 ? 30 : 1, n), { onError: 'skip', options: { timeout: 10, concurrency: 1 } })
    log.append(0, 1, 2)
    await task.epoch(until(3))
    await delay(30)
    expect(out.values).toEqual([1, 2])
  })
})

describe('retries', () => {
  test('call again with the same key, until it is well', async () => {
    const keys: string[] = []
    await start(
      async (n, ctx) => {
        keys.push(ctx.idempotencyKey)
        if (keys.length < 3) throw new Error('not yet')
        return n
      },
      { options: { retry: { attempts: 5, initialInterval: 1 } } },
    )
    log.append(7)
    expect(await task.epoch(until(1))).toMatchObject({ written: 1 })
    expect(keys).toEqual(Array.from({ length: 3 }, () => 'calling/main/numbers-0-0-call-0'))
  })

  test('come to an end; the last failure counts', async () => {
    let calls = 0
    await start(() => Promise.reject(new Error(`call ${++calls}`)), {
      options: { retry: { attempts: 3, initialInterval: 1, maximumInterval: 1 } },
    })
    log.append(7)
    expect((await task.epoch()).problem).toMatchObject({ code: 'StepFailed', details: { reason: 'call 3' } })
  })

  test('are not for what the function has rejected itself', async () => {
    let calls = 0
    await start(
      async (_, ctx) => {
        calls++
        return ctx.reject('never')
      },
      { options: { retry: { attempts: 3, initialInterval: 1 } } },
    )
    log.append(7)
    expect((await task.epoch()).problem).toMatchObject({ code: 'RecordRejected', details: { step: 'call' } })
    expect(calls).toBe(1)
  })

  test('wait longer each time, up to a limit', async () => {
    const at: number[] = []
    await start(
      () => {
        at.push(performance.now())
        return Promise.reject(new Error('no'))
      },
      { options: { retry: { attempts: 5, initialInterval: 20, maximumInterval: 40 } } },
    )
    log.append(7)
    await task.epoch()
    const pauses = at.slice(1).map((ms, i) => ms - (at[i] ?? 0))
    // Timers may strike a little early.
    for (const [i, least] of [20, 40, 40, 40].entries()) expect(pauses[i]).toBeGreaterThan(least - 2)
  })
})

describe('an end that does not wait', () => {
  test('a session that is lost aborts its calls, and nothing of them is written', async () => {
    const gate = new Gate()
    await start(gate.call, { commitMs: 0 })
    log.append(0, 1, 2)
    const epoch = task.epoch(until(3))
    epoch.catch(() => undefined)
    await eventually(() => gate.asked.length === 3)
    await task.lose()
    await expect(epoch).rejects.toThrow()
    expect(gate.signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
    for (const n of [0, 1, 2]) gate.open(n)
    await delay(5)
    expect(out.values).toEqual([])
    expect(out.newest?.positions).toEqual({ numbers: '0' })
  })

  test('a pause between two tries ends, too', async () => {
    let calls = 0
    await start(
      () => {
        calls++
        return Promise.reject(new Error('no'))
      },
      { options: { retry: { attempts: 5, initialInterval: 30, maximumInterval: 30 } } },
    )
    log.append(0)
    const epoch = task.epoch()
    epoch.catch(() => undefined)
    await eventually(() => calls === 1)
    await task.lose()
    await delay(50)
    expect(calls).toBe(1)
  })

  test('a command waits for calls, takes no more records, and the epoch ends well', async () => {
    const gate = new Gate()
    await start(gate.call, { options: { concurrency: 2 } })
    log.append(0, 1, 2, 3)
    const epoch = task.epoch()
    await eventually(() => gate.asked.length === 2)
    task.session.interrupt('interrupted')
    gate.open(0)
    gate.open(1)
    await eventually(() => gate.asked.length >= 3)
    for (const n of gate.asked) gate.open(n)
    const result = await epoch
    expect(result.ended).toBe('interrupted')
    expect(result.read).toBe(gate.asked.length)
    expect(result.read).toBeLessThan(4)
    expect(out.values).toEqual(count(result.read))
  })

  test('calls that do not come back are given up, and made again', async () => {
    const gate = new Gate()
    await start(gate.call, { options: { concurrency: 3 } })
    log.append(0, 1, 2, 3, 4, 5)
    const epoch = task.epoch()
    await eventually(() => gate.asked.length === 3)
    gate.open(0)
    gate.open(2)
    task.session.interrupt('interrupted')
    expect(await epoch).toMatchObject({ ended: 'interrupted', read: 1, positions: { numbers: '1' } })
    expect(out.values).toEqual([0])
    expect(gate.signals[1]?.aborted).toBe(true)
    const before = gate.asked.length
    const again = task.epoch(until(6))
    await eventually(() => gate.asked.length === before + 3)
    // What was given up takes no part any more, and leaves no more room than there was.
    await delay(10)
    expect(gate.asked.slice(before)).toEqual([1, 2, 3])
    for (const n of [1, 2, 3]) gate.open(n)
    await eventually(() => gate.asked.length === before + 5)
    for (const n of [4, 5]) gate.open(n)
    await again
    expect(out.values).toEqual([0, 1, 2, 3, 4, 5])
  })
})
