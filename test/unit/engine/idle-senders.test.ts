import { afterEach, beforeEach, expect, test } from 'vitest'
import { blueprintOf, pipelineOf } from '../../../src/definition/blueprint-of.js'
import { count } from '../../../src/definition/aggregators/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { type AnySourceDefinition, defineSource, sourceDefinitionOf } from '../../../src/definition/define-source.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { EpochInput, EpochResult } from '../../../src/protocol/epoch.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { waitUntil } from '../../setup/wait-until.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

/** The second stage of a pipeline, as a session runs it, behind a first one of so many tasks. */

let log: LogSource
let out: BreakableSink
let task: Task
let senders: number

function secondStage(): Pipeline {
  log.decodeKey = () => 'k'
  const definition = sourceDefinitionOf(log.source()) as AnySourceDefinition
  const between: AnySourceDefinition = { ...definition, internal: true, senders: () => Promise.resolve(senders) }
  const sink = unused()
  const first = defineSource<number, number>({
    ...(definition as never as Parameters<typeof defineSource<number, number>>[0]),
    channel: () => ({ sink, source: between }),
  })
  const blueprint = blueprintOf(
    definePipeline({
      name: 'idle',
      sources: { numbers: first },
      steps: ({ numbers }) =>
        numbers
          .eventTime('time', (n) => n, { maxDisorder: 0, idleAfter: 500 })
          .repartition('by', () => 'k', { key: text(), value: json() })
          .window('w', tumbling(100), count())
          .map('row', ({ start, value }) => [start, value])
          .to('out', out.sink<readonly number[]>()),
    }),
  )
  return pipelineOf({ ...blueprint, stages: blueprint.stages.slice(1) })
}

const unused = () => ({
  kind: 'nothing',
  mode: 'idempotent' as const,
  dedupes: true,
  encode: () => null,
  open: () => Promise.reject(new Error('the first stage does not run')),
})

/** A record of that time, from a task that had come so far. */
function append(time: number, partition: number, watermark: number): void {
  log.append(time / 10)
  log.records[log.records.length - 1] = { ...log.records.at(-1)!, sender: { partition, watermark } }
}

/**
 * An epoch that reads all there is, and no clock ends it before, however slow the machine is. Its first record is there when it
 * begins: one that comes late would be for the next.
 */
function epochToEnd(more: Partial<EpochInput> = {}): Promise<EpochResult> {
  return ended(() => task.epoch(more))
}

async function ended<R>(run: () => Promise<R>): Promise<R> {
  const { session, state } = task
  await waitUntil(() => session.first.next !== undefined, { every: 5 })
  const running = run()
  await waitUntil(() => session.positions[session.first.id] === String(log.end), { every: 5 })
  session.interrupt('interrupted', state.checkpoint.epoch + 1)
  return await running
}

beforeEach(async () => {
  ;[log, out, senders] = [new LogSource(), new BreakableSink('out'), 2]
  task = new Task(secondStage(), { commitMs: 0 })
  await task.claim()
})
afterEach(() => task.lose())

test('a task that says nothing is waited for, until it has been silent for so long; a lost session finds the same', async () => {
  append(10, 0, 0)
  append(250, 0, 249)
  // Epoch 1 has the time 1,000.
  await epochToEnd()
  expect(out.values).toEqual([])
  // At the start of the next nobody has been heard of for 1,000 ms: it may have been this task that stood still.
  await task.epoch({ checkpointMs: 50 })
  expect(out.values).toEqual([])
  // Nor for another 1,000: the latest counts, and later words don't take it back.
  append(260, 1, 0)
  append(310, 0, 300)
  await ended(() => task.lostEpoch())
  expect(out.values).toEqual([[0, 1]])
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', watermark: 249 })
  expect(out.values).toEqual([[0, 1]])
  // Both speak again: the least counts.
  append(500, 1, 299)
  await epochToEnd()
  expect(out.values).toEqual([
    [0, 1],
    // One of each key.
    [200, 1],
    [200, 1],
  ])
})

test('tasks that were added count from the next checkpoint on: another attempt might not have known of them', async () => {
  senders = 1
  await task.again()
  append(10, 0, 0)
  append(150, 0, 149)
  await epochToEnd()
  expect(out.values).toEqual([[0, 1]])
  senders = 3
  await task.again()
  append(250, 0, 249)
  await epochToEnd({ time: 1_001 })
  expect(out.values).toEqual([
    [0, 1],
    [100, 1],
  ])
  append(350, 0, 349)
  await epochToEnd({ time: 1_002 })
  expect(out.values).toHaveLength(2)
})

test('of tasks that there are no more since a savepoint was gone back to, nobody waits for a word', async () => {
  append(150, 0, 149)
  append(20, 1, 0)
  await epochToEnd()
  senders = 1
  // In the middle of a generation there can't be fewer: somebody has old news.
  await task.again()
  append(160, 0, 159)
  await epochToEnd({ time: 1_001 })
  expect(out.values).toEqual([])
  const { checkpoint } = task.state
  task.state = {
    ...task.state,
    generation: 2,
    origin: checkpoint.positions,
    checkpoint: { ...checkpoint, ledgers: {} },
  }
  await task.again()
  append(170, 0, 169)
  await epochToEnd({ time: 1_002 })
  append(180, 0, 179)
  await epochToEnd({ time: 1_003 })
  expect(out.values).toEqual([[0, 1]])
})
