import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StepContext } from '../../../src/definition/context.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter, RecordFailure } from '../../../src/definition/dead-letter.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Unkeyed } from '../../../src/definition/marks.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

let log: LogSource
let out: BreakableSink
let letters: BreakableSink
let task: Task
let warnings: string[]

interface Parts {
  readonly onError?: PipelineOptions<unknown, unknown>['onError']
  readonly spread?: (n: number, ctx: StepContext<Unkeyed>) => Iterable<number>
  readonly decode?: (n: number) => number | Promise<number>
  readonly encode?: (value: number) => unknown
  readonly commitMs?: number
}

/** Each number three times, times a hundred; three is bad after its second output. */
async function start(parts: Parts = {}): Promise<void> {
  const { onError, spread = spreadOut, decode, encode = (value) => value, commitMs = 0 } = parts
  const pipeline = definePipeline({
    name: 'bad',
    ...(onError !== undefined && { onError }),
    sources: { numbers: log.source(decode === undefined ? {} : { decode }) },
    steps: ({ numbers }) =>
      numbers.flatMap('spread', spread).to('out', out.sink<number>({ encode: ({ value }) => encode(value) })),
  })
  const log_ = { info: () => undefined, warn: (message: string) => void warnings.push(message) }
  task = new Task(pipeline, { commitMs, host: hostOf({ log: log_ }) })
  await task.claim()
}

function* spreadOut(n: number): Generator<number> {
  yield n * 100
  yield n * 100 + 1
  if (n === 3) throw new Error('three')
  yield n * 100 + 2
}

const toLetters = (when?: (failure: RecordFailure) => boolean) =>
  deadLetter(letters.sink<DeadLetter>(), when === undefined ? {} : { when })
const threes = [200, 201, 202, 400, 401, 402]

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  letters = new BreakableSink('letters')
  warnings = []
})
afterEach(async () => {
  await task.lose()
})

describe("onError 'fail'", () => {
  test('ends the epoch before the record, with all before it committed and nothing of it', async () => {
    await start()
    log.append(2, 3, 4)
    const result = await task.epoch()
    expect(result).toMatchObject({ ended: 'problem', positions: { numbers: '1' }, read: 1, written: 3 })
    expect(result.problem).toMatchObject({
      code: 'StepFailed',
      message: expect.stringContaining("record 1 of partition 0 of source 'numbers': step 'spread' failed: three"),
      details: { step: 'spread', origin: { source: 'numbers', partition: 0, position: '1' }, reason: 'three' },
    })
    expect(out.values).toEqual([200, 201, 202])
    expect(out.newest?.positions).toEqual({ numbers: '1' })
  })

  test('the record is met again after a resume, and goes through once it can', async () => {
    let broken = true
    await start({
      *spread(n) {
        yield n
        if (broken && n === 3) throw new Error('three')
      },
    })
    log.append(2, 3, 4)
    expect(await task.epoch()).toMatchObject({ ended: 'problem' })
    await task.again()
    expect(await task.epoch()).toMatchObject({ ended: 'problem', read: 0, positions: { numbers: '1' } })
    broken = false
    await task.again()
    expect(await task.epoch({ until: { numbers: '3' } })).toMatchObject({ read: 2 })
    expect(out.values).toEqual([2, 3, 4])
  })

  test('names the decoding, the step or the sink that failed', async () => {
    const at = async (parts: Parts): Promise<unknown> => {
      ;[log, out] = [new LogSource(), new BreakableSink('out')]
      await start(parts)
      log.append(3)
      const { problem } = await task.epoch()
      await task.lose()
      return [problem?.code, problem?.details['step'], problem?.details['reason']]
    }
    const no = (): never => {
      throw new Error('no')
    }
    expect(await at({ decode: no })).toEqual(['DecodeFailed', undefined, 'no'])
    expect(await at({ decode: () => Promise.reject(new Error('later')) })).toEqual(['DecodeFailed', undefined, 'later'])
    expect(await at({ spread: no })).toEqual(['StepFailed', 'spread', 'no'])
    expect(await at({ spread: (n) => [n], encode: no })).toEqual(['StepFailed', 'out', 'no'])
    expect(await at({ spread: (n) => [n], encode: () => undefined })).toEqual([
      'StepFailed',
      'out',
      expect.stringContaining('no JSON'),
    ])
    expect(await at({ spread: (_, ctx) => ctx.reject('too small', { n: 3 }) })).toEqual([
      'RecordRejected',
      'spread',
      'too small',
    ])
  })

  test('a value that is thrown and no error, too', async () => {
    await start({
      spread() {
        // What users' code throws is theirs to choose.
        // oxlint-disable-next-line no-throw-literal, only-throw-error
        throw 'a text'
      },
    })
    log.append(3)
    expect((await task.epoch()).problem).toMatchObject({ code: 'StepFailed', details: { reason: 'a text' } })
  })

  test('long texts are cut: they go into history', async () => {
    await start({
      spread() {
        throw new Error('x'.repeat(100_000))
      },
    })
    log.append(3)
    expect(JSON.stringify(await task.epoch()).length).toBeLessThan(3_000)
  })
})

describe("onError 'skip'", () => {
  test('goes on without it: counted, logged, and none of its outputs', async () => {
    await start({ onError: 'skip' })
    log.append(2, 3, 4)
    expect(await task.epoch({ until: { numbers: '3' } })).toMatchObject({ read: 3, written: 6, skipped: 1 })
    expect(out.values).toEqual(threes)
    expect(warnings).toEqual([expect.stringContaining("step 'spread' failed: three")])
  })

  test("asynchronous decoding keeps the order, and its failures are the record's own", async () => {
    await start({
      onError: 'skip',
      async decode(n) {
        await delay(n === 2 ? 20 : 1)
        if (n === 5) throw new Error('five')
        return n
      },
    })
    log.append(2, 5, 3, 4)
    expect(await task.epoch({ until: { numbers: '4' } })).toMatchObject({ read: 4, skipped: 2 })
    expect(out.values).toEqual(threes)
  })

  test('the last record of a batch', async () => {
    log.batch = 1
    await start({ onError: 'skip' })
    log.append(3, 3, 2, 3)
    expect(await task.epoch({ until: { numbers: '4' } })).toMatchObject({ skipped: 3, positions: { numbers: '4' } })
    expect(out.values).toEqual([200, 201, 202])
  })

  test('is the same again when executed again', async () => {
    await start({ onError: 'skip' })
    log.append(2, 3, 4)
    await task.lostEpoch({ until: { numbers: '3' } })
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', skipped: 1, written: 6 })
    expect(out.values).toEqual(threes)
  })
})

describe('onError deadLetter', () => {
  test('keeps it with its reason, and goes on', async () => {
    await start({ onError: toLetters() })
    log.append(2, 3, 4)
    expect(await task.epoch({ until: { numbers: '3' } })).toMatchObject({ read: 3, written: 7, deadLettered: 1 })
    expect(out.values).toEqual(threes)
    expect(letters.values).toEqual([
      {
        reason: 'three',
        error: { code: 'StepFailed', message: expect.stringContaining('three') },
        step: 'spread',
        origin: { source: 'numbers', partition: 0, position: '1' },
        key: Buffer.from('key-3'),
        value: null,
        timestamp: 30,
        attempts: 1,
      },
    ])
  })

  test('a key that can not be decoded is the failure of the source, whoever asked for it', async () => {
    log.decodeKey = () => {
      throw new Error('no key')
    }
    await start({ onError: toLetters(), spread: (n, ctx) => (n === 3 ? [String(ctx.key).length] : [n]) })
    log.append(2, 3)
    expect(await task.epoch({ until: { numbers: '2' } })).toMatchObject({ deadLettered: 1 })
    expect(letters.values).toMatchObject([{ step: 'numbers', reason: 'no key', error: { code: 'DecodeFailed' } }])
  })

  test('the letters are durable before the outputs of what follows', async () => {
    const order: string[] = []
    out.hook = (at) => at === 'commit' && order.push('out')
    letters.hook = (at) => at === 'committed' && order.push('letters')
    await start({ onError: toLetters(), commitMs: 5_000 })
    log.append(2, 3, 4)
    await task.epoch({ until: { numbers: '3' } })
    expect(order).toEqual(['letters', 'out'])
  })

  test('is written once, whatever is executed again', async () => {
    await start({ onError: toLetters() })
    log.append(3, 2, 3, 4)
    await task.lostEpoch({ until: { numbers: '4' } })
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', deadLettered: 2 })
    expect(letters.values).toHaveLength(2)
  })

  test('what `when` does not take fails', async () => {
    const seen: RecordFailure[] = []
    const when = (failure: RecordFailure): boolean => {
      seen.push(failure)
      return failure.code !== 'StepFailed'
    }
    await start({ onError: toLetters(when) })
    log.append(2, 3, 4)
    expect(await task.epoch()).toMatchObject({ ended: 'problem', problem: { code: 'StepFailed' } })
    expect(seen).toEqual([
      {
        code: 'StepFailed',
        step: 'spread',
        error: expect.any(Error),
        origin: { source: 'numbers', partition: 0, position: '1' },
      },
    ])
    expect(letters.values).toEqual([])
  })

  test('a `when` that throws, or a letter that can not be encoded, fails as any step does', async () => {
    const no = (): never => {
      throw new Error('no letter')
    }
    for (const toNobody of [() => toLetters(no), () => deadLetter(letters.sink<DeadLetter>({ encode: no }))]) {
      ;[log, out, letters] = [new LogSource(), new BreakableSink('out'), new BreakableSink('letters')]
      await start({ onError: toNobody() })
      log.append(2, 3, 4)
      const result = await task.epoch()
      expect(result).toMatchObject({ ended: 'problem', positions: { numbers: '1' }, read: 1 })
      expect(result.problem).toMatchObject({
        code: 'StepFailed',
        details: { step: 'dead-letters', reason: 'no letter', origin: { position: '1' } },
      })
      expect(out.values).toEqual([200, 201, 202])
      await task.lose()
    }
  })
})
