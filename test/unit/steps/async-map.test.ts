import { expect, test } from 'vitest'
import { asyncMapStep } from '../../../src/steps/async-map.js'
import type { LaneSpec, Push } from '../../../src/steps/step.js'
import { stepRuntime } from './step-runtime.js'

const settings = { concurrency: 2, timeoutMs: 5, attempts: 1, initialMs: 1, maximumMs: 1 }
const fn = async (value: unknown): Promise<unknown> => value
const at = new Int32Array(1)

test('asks for a lane with its function and settings, and puts values there', () => {
  const asked: LaneSpec[] = []
  const out: Push = () => {}
  const into: Push = () => {}
  const lane = (spec: LaneSpec, behind: Push): Push => {
    asked.push(spec)
    expect(behind).toBe(out)
    return into
  }
  const step = asyncMapStep(fn, settings)
  expect(step.compile({ out }, { ...stepRuntime('score', at, 3), lane })).toEqual([into])
  expect(asked).toEqual([{ ...settings, id: 'score', index: 3, fn }])
})

test('says that it may give other results, and that its settings decide nothing', () => {
  expect(asyncMapStep(fn, settings)).toMatchObject({
    kind: 'asyncMap',
    deterministic: false,
    settings: {},
    code: String(fn),
  })
})

test('can not be compiled where nothing waits', () => {
  expect(() => asyncMapStep(fn, settings).compile({}, stepRuntime('score', at, 3))).toThrow("step 'score' waits")
})
