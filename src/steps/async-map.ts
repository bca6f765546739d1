import type { LaneSettings, LaneSpec, Step } from './step.js'

/** One value for each value, of a function that is waited for. */
export function asyncMapStep(fn: LaneSpec['fn'], settings: LaneSettings): Step {
  return {
    kind: 'asyncMap',
    ports: ['out'],
    deterministic: false,
    // How many calls are made at once, and how patiently, decides nothing that a call's own answer doesn't.
    settings: {},
    code: String(fn),
    compile({ out = () => {} }, { id, index, lane }) {
      if (lane === undefined) throw new TypeError(`step '${id}' waits for promises, and nothing here can`)
      return [lane({ ...settings, id, index, fn }, out)]
    },
  }
}
