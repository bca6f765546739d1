import type { Stage } from '../definition/graph.js'
import { StepStates } from '../state/step-states.js'
import { compileStage } from '../steps/compile-stage.js'

/** The tables of a stage's steps, empty, for whoever wants to restore them and has no records. */
export function stageStates(stage: Stage): StepStates {
  const states = new StepStates()
  const nothing = (): void => {}
  const sinks = Object.fromEntries(stage.sinks.map(({ id }) => [id, nothing]))
  const source = stage.sources[0]?.source
  const decodeKey = (_: string, bytes: Uint8Array): unknown =>
    source?.key?.({ position: '', next: '', key: bytes, value: undefined })
  compileStage(stage, { sinks, at: new Int32Array(1), states, decodeKey, lane: () => nothing })
  return states
}
