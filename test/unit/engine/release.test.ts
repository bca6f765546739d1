import { afterEach, beforeEach, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { SinkUnavailable } from '../../../src/errors/sink.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

const gone = new SinkUnavailable({ pipeline: 'p', stage: 'main', partition: 0, sink: 's', target: 't', doing: 'd' })

let log: LogSource
let all: BreakableSink
let large: BreakableSink
let task: Task

function isLarge(n: number): boolean {
  if (n < 0) throw new RangeError('below zero')
  return n >= 100
}

beforeEach(async () => {
  log = new LogSource()
  all = new BreakableSink('all')
  large = new BreakableSink('large')
  const pipeline = definePipeline({
    name: 'released',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => [
      numbers.to('all', all.sink<number>()),
      numbers.filter('is-large', isLarge).to('large', large.sink<number>()),
    ],
  })
  task = new Task(pipeline)
  await task.claim()
  log.append(1, 2, 3)
})
afterEach(async () => {
  await task.lose()
})

const positions = (): unknown[] => [all, large].map((sink) => sink.newest?.positions['numbers'])

test('a task that stands still leaves every ledger at its checkpoint', async () => {
  await task.epoch({ checkpointMs: 50 })
  expect(positions()).toEqual(['3', '0'])
  const before = large.newest
  await task.session.release(1)
  expect(positions()).toEqual(['3', '3'])
  expect(large.newest).toEqual({ ...before, seq: 2, positions: { numbers: '3' } })
  expect([all.values, large.values]).toEqual([[1, 2, 3], []])
  expect(task.session.closed).toBe(true)
})

test('which the next claim takes for what it is: nothing to catch up with', async () => {
  await task.epoch({ checkpointMs: 50 })
  await task.session.release(1)
  const session = await task.again()
  expect(session.catchUp.active).toBe(false)
  log.append(100)
  await task.epoch({ until: { numbers: '4' } })
  expect([all.values, large.values]).toEqual([[1, 2, 3, 100], [100]])
})

test('so does one that parks, which nobody releases', async () => {
  log.append(-1)
  expect(await task.epoch()).toMatchObject({ ended: 'problem', positions: { numbers: '3' } })
  expect(positions()).toEqual(['3', '3'])
})

test('a ledger that fails stays behind, and keeps nobody', async () => {
  await task.epoch({ checkpointMs: 50 })
  large.hook = failOnce('commit', gone)
  await task.session.release(1)
  expect(positions()).toEqual(['3', '0'])
  expect(task.session.closed).toBe(true)
})

test('a release that history is not up to commits nothing', async () => {
  await task.epoch({ checkpointMs: 50 })
  await task.session.release(0)
  expect(positions()).toEqual(['3', '0'])
})
