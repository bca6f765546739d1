import { expect, test } from 'vitest'
import { mergeStep } from '../../../src/steps/merge.js'
import type { Push } from '../../../src/steps/step.js'
import { stepRuntime } from './step-runtime.js'

test('each input is the output itself: nothing is paid per value', () => {
  const out: Push = () => {}
  expect(mergeStep(3).compile({ out }, stepRuntime('both'))).toEqual([out, out, out])
})
