import type { StepContext } from '../definition/context.js'
import { flowOf } from './step.js'

/** What the state of the value under way is kept under. A record without a key is bad: its state would be nobody's. */
export function stateKeyOf(ctx: StepContext<unknown>): string {
  const key = flowOf(ctx).keyText
  return key ?? ctx.reject('has no key, and this step keeps its state by key')
}
