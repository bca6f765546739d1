import type { Fault } from './fault.js'
import type { Graph } from './graph.js'

/**
 * State is made again from records after a failure, so every step of its stage has to give the same results again: until
 * there is a state backend that holds what a checkpoint changes before its commit.
 */
export function checkDeterminism({ steps }: Graph): readonly Fault[] {
  const changing = steps.find(({ step }) => !step.deterministic)
  if (changing === undefined) return []
  const {
    id: other,
    step: { kind },
  } = changing
  return steps
    .filter(({ step }) => step.state !== undefined)
    .map(({ id }) => ({
      path: `steps.${id}`,
      message: `keeps state, which can't be in one stage with the ${kind} step '${other}': its results may differ when they are made again`,
    }))
}
