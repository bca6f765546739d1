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

test('an end that came without a record and was committed, then lost, comes to the same once more', async () => {
  const log = new LogSource()
  const out = new BreakableSink('out')
  const pipeline = definePipeline({
    name: 'windows',
    sources: { numbers: log.source() },
    steps: ({ numbers }) =>
      numbers
        .eventTime('when', (n) => n, { maxDisorder: 0 })
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .window('w', tumbling(50), count())
        .to('out', out.sink()),
  })
  task = new Task(pipeline)
  log.append(1, 2, 11)
  await task.claim()
  do await task.epoch({ checkpointMs: 20 })
  while (task.position !== '3')
  // Its end is told when everything has been read, as a stage's is that comes after another.
  task.state = { ...task.state, until: { numbers: '3' } }
  await task.lostEpoch()
  const committed = [...out.values]
  expect(committed).not.toEqual([])
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'until', positions: { numbers: '3' } })
  expect(out.values, 'nothing is written twice').toEqual(committed)
})
