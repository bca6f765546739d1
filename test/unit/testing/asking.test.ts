import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import type { StateStore } from '../../../src/definition/state-store.js'
import { memorySegments } from '../../../src/testing/memory-segments.js'
import { memorySink } from '../../../src/testing/memory-sink.js'
import { memorySource } from '../../../src/testing/memory-source.js'
import { testPipeline } from '../../../src/testing/test-pipeline.js'

/** Each call comes to another number; every fifth record's fails. */
function asking() {
  let calls = 0
  const pipeline = definePipeline({
    name: 'asking',
    state: { backend: memorySegments() },
    sources: { all: memorySource<number>([]) },
    onError: deadLetter(memorySink()),
    steps: ({ all }) => {
      const asked = all.asyncMap('ask', async (n) => {
        const call = calls++
        if (n % 5 === 4) throw new Error(`call ${call} failed`)
        return { n, call }
      })
      const even = asked.filter('even', ({ n }) => n % 2 === 0)
      return [asked.to('one', memorySink<unknown>()), even.to('other', memorySink<unknown>())]
    },
  })
  return { pipeline, calls: () => calls }
}

test('several ledgers hold results of the same calls, with crashes anywhere, and nothing is asked twice', async () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.constant('send' as const) },
    { weight: 2, arbitrary: fc.constantFrom('crash' as const, 'checkpoint' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
      const { pipeline, calls } = asking()
      await using running = await testPipeline(pipeline)
      let sent = 0
      for (const one of actions) {
        if (one === 'crash') await running.crash()
        else if (one === 'checkpoint') await running.checkpoint()
        else await running.send('all', { value: sent++ })
      }
      // What is committed is never asked for again: so calls are numbered as their records.
      const good = Array.from({ length: sent }, (_, n) => n).filter((n) => n % 5 !== 4)
      expect(running.sink('one').values).toEqual(good.map((n) => ({ n, call: n })))
      expect(running.sink('other').values).toEqual(good.filter((n) => n % 2 === 0).map((n) => ({ n, call: n })))
      const letters = running.deadLetters.map(({ reason, origin }) => [origin.position, reason])
      expect(letters).toEqual(
        Array.from({ length: Math.floor(sent / 5) }, (_, i) => [String(5 * i + 4), `call ${5 * i + 4} failed`]),
      )
      expect(calls()).toBe(sent)
    }),
    { numRuns: 40 },
  )
})

test('of calls of one record that fail the first in order makes its letter, whichever failed first', async () => {
  const calls: string[] = []
  const pipeline = definePipeline({
    name: 'failing-twice',
    state: { backend: memorySegments() },
    sources: { all: memorySource<number>([]) },
    onError: deadLetter(memorySink()),
    steps: ({ all }) =>
      all
        .flatMap('split', () => ['first', 'second', 'third'])
        .asyncMap(
          'ask',
          async (which) => {
            calls.push(which)
            if (which === 'first') await new Promise((resolve) => setTimeout(resolve, 20))
            throw new Error(`${which} failed`)
          },
          { concurrency: 2 },
        )
        .to('out', memorySink<unknown>()),
  })
  await using running = await testPipeline(pipeline)
  await running.send('all', { value: 1 })
  await running.crash()
  await running.send('all', { value: 2 })
  expect(running.deadLetters.map(({ reason }) => reason)).toEqual(['first failed', 'first failed'])
  // What is asked again after a crash may not depend on which call was how fast before it.
  expect(calls).toEqual(['first', 'second', 'third', 'first', 'second', 'third'])
})

test('a store of the worker is not opened', async () => {
  let opened = 0
  const store: StateStore = {
    kind: 'disk',
    describe: 'a disk',
    open: () => {
      opened++
      return Promise.reject(new Error('tests have no disk'))
    },
  }
  const pipeline = definePipeline({
    name: 'asking-and-counting',
    state: { backend: memorySegments(), store },
    sources: { all: memorySource<number>([]) },
    steps: ({ all }) => {
      const asked = all.asyncMap('ask', async (n) => n % 2)
      const counts = asked
        .repartition('by-rest', (rest) => String(rest), { key: text(), value: json(z.int()) })
        .count('count')
      return [
        asked.to('one', memorySink<number>()),
        asked.to('other', memorySink<number>()),
        counts.to('counts', memorySink<number>()),
      ]
    },
  })
  await using running = await testPipeline(pipeline)
  for (const value of [1, 2, 3]) await running.send('all', { value })
  expect(running.sink('counts').values).toEqual([1, 1, 2])
  expect(opened).toBe(0)
})
