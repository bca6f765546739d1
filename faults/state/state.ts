import type { Surface } from '../sinks/sink.js'
import { inlineStateUnderTest, noStateUnderTest } from './inline.js'
import { s3StateUnderTest } from './s3.js'
import type { WorkerState } from './worker-state.js'

export const STATE_NAMES = ['none', 'inline', 's3'] as const
export type StateName = (typeof STATE_NAMES)[number]

export const isStateName = (name: string): name is StateName => STATE_NAMES.some((one) => one === name)

export const STORE_NAMES = ['memory', 'disk'] as const
export type StoreName = (typeof STORE_NAMES)[number]

export const isStoreName = (name: string): name is StoreName => STORE_NAMES.some((one) => one === name)

/** Whether pipelines keep state, and where, with what that adds for faults to hit. */
export interface StateUnderTest extends Surface {
  /** Undefined: they keep none. */
  readonly settings: WorkerState | undefined
  close(): Promise<void>
}

/** `valuesIn`: where workers have values on disk; undefined: they have them in memory. */
export function openState(name: StateName, valuesIn: string | undefined): Promise<StateUnderTest> {
  switch (name) {
    case 'none':
      return Promise.resolve(noStateUnderTest)
    case 'inline':
      return Promise.resolve(inlineStateUnderTest)
    case 's3':
      return s3StateUnderTest(valuesIn)
  }
}
