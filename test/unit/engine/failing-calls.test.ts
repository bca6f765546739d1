import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import type { Task } from './task.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter } from '../../../src/definition/dead-letter.js'
import { asking, type Call, claimed, count, eventually, Gate, type Parts, until } from './asking.js'

let log: LogSource
let out: BreakableSink
let task: Task
let warnings: string[]

async function start(call: Call, parts: Parts & { readonly commitMs?: number | null } = {}): Promise<void> {
  await run(asking(log, out, call, parts), parts.commitMs)
}

async function run(pipeline: Pipeline, commitMs: number | null = null): Promise<void> {
  task = await claimed(pipeline, commitMs, warnings)
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  warnings = []
})
afterEach(async () => {
  await task.lose()
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
    await eventually(() => calls > 0)
    await task.lose()
    // A busy machine may have come to further tries before.
    const made = calls
    await delay(100)
    expect(calls).toBe(made)
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
