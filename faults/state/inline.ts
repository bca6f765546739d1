import type { StateUnderTest } from './state.js'

/** Pipelines that keep nothing. */
export const noStateUnderTest: StateUnderTest = {
  servers: {},
  links: {},
  points: {},
  settings: undefined,
  close: () => Promise.resolve(),
}

/** State in history: nothing to hit but what there is anyway. */
export const inlineStateUnderTest: StateUnderTest = { ...noStateUnderTest, settings: { kind: 'inline' } }
