import type { Blueprint } from './blueprint.js'
import type { Fault } from './fault.js'
import type { Graph } from './graph.js'
import { keepersOfState } from './ledgers.js'

/**
 * State is made again from records after a failure, so every step of its stage has to give the same results again. One that
 * doesn't can only be there where these are kept (PROTOCOL §6): a fault at each step with state where there is no state
 * backend for that.
 */
export function checkDeterminism(graph: Graph, { backend }: Pick<Blueprint, 'backend'>): readonly Fault[] {
  const changing = graph.steps.find(({ step }) => !step.deterministic)
  if (changing === undefined || backend !== null) return []
  const {
    id: other,
    step: { kind },
  } = changing
  return keepersOfState(graph).map(({ id, step: { state } }) => ({
    path: `steps.${id}`,
    message:
      `${state === undefined ? 'carries event time on' : 'keeps state'} in one stage with the ${kind} step '${other}', whose ` +
      'results may differ when they are made again: give the pipeline a state backend, which keeps them (state: { backend })',
  }))
}
