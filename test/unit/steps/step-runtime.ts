import { StepStates } from '../../../src/state/step-states.js'
import type { StepRuntime } from '../../../src/steps/step.js'

/** What a step without state and time is compiled with. */
export function stepRuntime(id: string, at = new Int32Array(1), index = 0): StepRuntime {
  const states = new StepStates()
  return {
    id,
    at,
    index,
    clock: { watermark: -Infinity },
    table: (name, options) => states.table(id, name, options),
    keyFrom: (text) => text,
    onWatermark: () => {},
    onEpochStart: () => {},
    observe: () => {},
    tooLate: () => {},
    mustBeHere: () => {},
  }
}
