import { expect, test } from 'vitest'
import { mergeStep } from '../../../src/steps/merge.js'
import type { Push } from '../../../src/steps/step.js'

test('each input is the output itself: nothing is paid per value', () => {
  const out: Push = () => {}
  expect(mergeStep(3).compile({ out }, { id: 'both', at: new Int32Array(1), index: 0 })).toEqual([out, out, out])
})
