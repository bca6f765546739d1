import { expect, test } from 'vitest'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Sink } from '../../../src/definition/sink.js'
import { idempotent, numbers, transactional } from './parts.js'

const exact = transactional()
const once = idempotent(true)
const atLeast = idempotent(false)

const guarantee = (sinks: readonly Sink<unknown>[], replayable = true, dead?: Sink<unknown>) =>
  blueprintOf(
    definePipeline({
      name: 'guaranteed',
      sources: { numbers: numbers({ replayable }) },
      steps: ({ numbers: n }) => sinks.map((sink, index) => n.to(`out-${index}`, sink)),
      ...(dead !== undefined && { onError: deadLetter(dead) }),
    }),
  ).guarantee

test('a single sink', () => {
  expect(guarantee([exact]).value).toBe('exactly-once')
  expect(guarantee([once]).value).toBe('once-per-id')
  expect(guarantee([atLeast]).value).toBe('at-least-once')
  expect([exact.guarantee, once.guarantee, atLeast.guarantee]).toEqual(['exactly-once', 'once-per-id', 'at-least-once'])
})

test('the weakest sink wins and is named, wherever it stands', () => {
  expect(guarantee([exact, once, atLeast, exact])).toEqual({
    value: 'at-least-once',
    because: "sink 'out-2' (calls) may write an item again after a failure",
  })
  expect(guarantee([atLeast, once]).because).toContain("'out-0'")
  expect(guarantee([once, exact])).toEqual({
    value: 'once-per-id',
    because: expect.stringContaining("'out-0' (calls)"),
  })
})

test('a source that cannot be read again makes the best sink at-least-once', () => {
  expect(guarantee([exact], false)).toEqual({
    value: 'at-least-once',
    because: "source 'numbers' (numbers) cannot be read again from an earlier position",
  })
})

test('a step that is waited for takes nothing from a sink, and says that it may be called again', () => {
  const asking = (sink: Sink<unknown>) =>
    blueprintOf(
      definePipeline({
        name: 'asking',
        sources: { numbers: numbers() },
        steps: ({ numbers: n }) => n.asyncMap('score', async (value) => value).to('out', sink),
      }),
    ).guarantee
  const again = "step 'score' (asyncMap) may be called again for a record: ctx.idempotencyKey is the same then"
  expect(asking(exact)).toEqual({ value: 'exactly-once', because: expect.stringMatching(/together; step 'score'/) })
  expect(asking(exact).because).toContain(again)
  expect(asking(atLeast)).toEqual({ value: 'at-least-once', because: expect.stringContaining(again) })
})

test('the sink of dead letters counts', () => {
  expect(guarantee([exact], true, exact).value).toBe('exactly-once')
  expect(guarantee([exact], true, atLeast)).toEqual({
    value: 'at-least-once',
    because: "sink 'dead-letters' (calls) may write an item again after a failure",
  })
})
