import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { StallWatch } from '../../../src/engine/stall-watch.js'
import { waitUntil } from '../../setup/wait-until.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

let stalls: StallWatch

/** Blocks this thread, as a step does that computes for long. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

beforeAll(async () => {
  stalls = new StallWatch()
  // The watching thread takes a moment to start.
  await delay(1_000)
})
afterAll(() => stalls.close())

describe('a step that blocks the event loop', () => {
  test('is named, with how long it has blocked, to the task it belongs to', async () => {
    const log = new LogSource()
    const out = new BreakableSink('out')
    const pipeline = definePipeline({
      name: 'slow',
      sources: { numbers: log.source() },
      steps: ({ numbers }) =>
        numbers
          .map('quick', (n) => n)
          .map('crunch', (n) => {
            block(n)
            return n
          })
          .to('out', out.sink()),
    })
    const task = new Task(pipeline, { host: hostOf({ stalls }) })
    await task.claim()
    // Long enough for the watching thread to get a turn in the midst of it, on a busy machine too.
    log.append(4_000)
    const first = await task.epoch({ until: { numbers: '1' } })
    // It tells of it some time after: with the checkpoint that comes then.
    const told = async () => (await task.epoch({ idleMs: 20, until: null })).blocked
    const blocked = first.blocked ?? (await waitUntil(told, { for: 'the stall to be told' }))
    expect(blocked.step).toBe('crunch')
    expect(blocked.ms).toBeGreaterThan(800)
    expect(blocked.ms).toBeLessThan(30_000)
    expect(await task.epoch({ idleMs: 20, until: null })).not.toHaveProperty('blocked')
    await task.lose()
  })

  test("is nobody's while no step runs, and no matter while it is short", async () => {
    const at = new Int32Array(new SharedArrayBuffer(4))
    const number = stalls.register('p/main/0', at, ['source', 'step'])
    await delay(150)
    block(1_150)
    // One that took long, since others had the processor, shows nothing.
    const { stall } = await waitUntil(async () => {
      const began = performance.now()
      stalls.enter(number)
      block(300)
      stalls.leave()
      const tookMs = performance.now() - began
      await delay(250)
      const found = { stall: stalls.takeLongest(number) }
      return tookMs < 600 ? found : null
    })
    expect(stall).toBeUndefined()
  })

  test('the longest is kept until it is asked for', async () => {
    const at = new Int32Array(new SharedArrayBuffer(4))
    const number = stalls.register('p/main/1', at, ['source', 'first', 'second'])
    await delay(150)
    for (const [step, ms] of [
      [1, 5_000],
      [0, 1_150],
    ] as const) {
      at[0] = step
      stalls.enter(number)
      block(ms)
      stalls.leave()
      await delay(500)
    }
    const stall = await waitUntil(() => stalls.takeLongest(number))
    expect(stall).toMatchObject({ task: 'p/main/1', step: 'second' })
    expect(stalls.takeLongest(number)).toBeUndefined()
    stalls.unregister(number)
  })
})

test('is said on standard error while it blocks, by a thread of its own', async () => {
  const module = fileURLToPath(new URL('../../../dist/src/engine/stall-watch.js', import.meta.url))
  const script = `
    const { StallWatch } = await import(${JSON.stringify(module)})
    const stalls = new StallWatch()
    const number = stalls.register('flights/main/3', new Int32Array(new SharedArrayBuffer(4)), ['flights', 'crunch'])
    await new Promise((resolve) => setTimeout(resolve, 500))
    stalls.enter(number)
    const end = Date.now() + 30_000
    while (Date.now() < end);
    process.exit()`
  // It blocks until that is said: how soon a busy machine gives the watching thread its turn is not the question.
  const blocked = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  for await (const text of blocked.stderr.setEncoding('utf8')) {
    said += String(text)
    if (said.includes('\n')) break
  }
  expect(said).toContain("tidemark: step 'crunch' of flights/main/3 blocks its worker")
  expect(blocked.exitCode, 'it was said while it blocked').toBeNull()
  expect(blocked.kill('SIGKILL')).toBe(true)
})
