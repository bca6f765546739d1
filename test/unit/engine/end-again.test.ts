import { afterEach, expect, test } from 'vitest'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'
import { windowedDigits } from './windowed-digits.js'

let task: Task
afterEach(() => task.lose())

test('an end that came without a record and was committed, then lost, comes to the same once more', async () => {
  const log = new LogSource()
  const out = new BreakableSink('out')
  task = new Task(windowedDigits(log, out))
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
