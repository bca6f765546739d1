import { afterEach, expect, test } from 'vitest'
import { count } from '../../../src/definition/aggregators/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let task: Task
afterEach(() => task.lose())

/** Numbers are their own times, and all have one key. */
function pipelineOf(log: LogSource, taken: BreakableSink) {
  return definePipeline({
    name: 'late',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => {
      const timed = numbers
        .keyBy('one', () => 1, { key: json() as Serde<number>, alreadyPartitioned: true })
        .eventTime('when', (n) => n, { maxDisorder: 0 })
      const windows = timed.window('tens', tumbling(10), count())
      return [
        windows.to('out', new BreakableSink('out').sink()),
        timed.join('near', timed, { within: 5 }, (a, b) => a + b).to('pairs', new BreakableSink('pairs').sink()),
        windows.late.to('taken', taken.sink()),
      ]
    },
  })
}

async function readAll(log: LogSource, ...values: readonly number[]): Promise<number> {
  log.append(...values)
  let late = 0
  // A busy machine takes several epochs for them.
  while (task.position !== String(log.end)) late += (await task.epoch({ checkpointMs: 20 })).late ?? 0
  return late
}

test('values that come too late are counted, by each step and in each checkpoint', async () => {
  const [log, taken] = [new LogSource(), new BreakableSink('taken')]
  task = new Task(pipelineOf(log, taken))
  await task.claim()
  // For the window only 4 is late: that of 15 is open. For both sides of the join both are.
  expect(await readAll(log, 1, 20, 4, 21, 15, 22)).toBe(2 + 2 * 2)
  expect(task.state.counters.late).toBe(6)
  expect(await readAll(log, 23)).toBe(0)
  expect(await readAll(log, 3)).toBe(3)
  expect(task.state.counters.late).toBe(9)
})

test('an epoch that is executed again counts them once', async () => {
  const [log, taken] = [new LogSource(), new BreakableSink('taken')]
  task = new Task(pipelineOf(log, taken), { commitMs: 0 })
  await task.claim()
  log.append(1, 20, 4)
  await task.lostEpoch({ checkpointMs: 200 })
  await task.claim()
  while (task.position !== String(log.end)) await task.epoch({ checkpointMs: 20 })
  expect(task.state.counters.late).toBe(3)
  expect(taken.values).toEqual([4])
})

test('one whose record is bad further on is skipped, and not late as well', async () => {
  const [log, taken] = [new LogSource(), new BreakableSink('taken')]
  const pipeline = definePipeline({
    name: 'late',
    onError: 'skip',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => {
      const windows = numbers
        .keyBy('one', () => 1, { key: json() as Serde<number>, alreadyPartitioned: true })
        .eventTime('when', (n) => n, { maxDisorder: 0 })
        .window('tens', tumbling(10), count())
      const late = windows.late.map('odd', (n, ctx) => (n % 2 === 0 ? n : ctx.reject('odd')))
      return [windows.to('out', new BreakableSink('out').sink()), late.to('taken', taken.sink())]
    },
  })
  task = new Task(pipeline)
  await task.claim()
  expect(await readAll(log, 20, 1, 2, 3, 21)).toBe(1)
  expect(task.state.counters).toMatchObject({ late: 1, skipped: 2 })
  expect(taken.values).toEqual([2])
})
