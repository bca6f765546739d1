import { expect, test } from 'vitest'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter } from '../../../src/definition/dead-letter.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

/** A crash between two parts of a commit, then one right after the checkpoint at P*. */
test('letters of what lies behind a cut are not written twice by a second crash', async () => {
  const count = Array.from({ length: 400 }, (_, i) => i + 1)
  const [log, out, scope] = [new LogSource(), new BreakableSink('out'), 'one']
  const bad = count.filter((n) => n % 10 === 0)
  out.refuses = ({ data }) => (bad.includes(data as number) ? 'commit' : null)
  out.backwards = true
  const pipeline = definePipeline({
    name: 'p',
    onError: deadLetter(out.sink<DeadLetter>({ scope })),
    sources: { numbers: log.source() },
    steps: ({ numbers }) => numbers.to('out', out.sink<number>({ scope })),
  })
  const task = new Task(pipeline, { commitMs: null })
  await task.claim()
  log.append(...count)
  let commits = 0
  out.hook = (at) => {
    if (at === 'committed' && ++commits === 1) throw new Error('crash')
  }
  for (let i = 0; Number(task.position) < 400 && i < 20; i++) {
    try {
      const { ended } = await task.epoch({ until: { numbers: '400' } })
      if (ended === 'caught-up') await task.again()
    } catch {
      await task.again()
    }
  }
  const letters = out.values.filter((v) => typeof v === 'object').map((v) => (v as DeadLetter).reason)
  expect(letters.toSorted()).toEqual(bad.map((n) => `no ${n}`).toSorted())
  await task.lose()
})
