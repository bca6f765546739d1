import type { Push, Step } from './step.js'

const nowhere: Push = () => {}

/** Several streams of one stage as one: values come in the order in which the inputs hand them over. */
export function mergeStep(inputs: number): Step {
  return {
    kind: 'merge',
    ports: ['out'],
    deterministic: true,
    settings: {},
    compile({ out = nowhere }) {
      return Array.from({ length: inputs }, () => out)
    },
  }
}
