import type { StepContext } from '../../../src/definition/context.js'
import type { Push, Step } from '../../../src/steps/step.js'
import { noHeaders } from '../../../src/definition/headers.js'
import { stepRuntime } from './step-runtime.js'

export const ctx: StepContext<unknown> = {
  key: 'k',
  timestamp: 5,
  headers: noHeaders,
  origin: { source: 'numbers', partition: 0, position: '1' },
  now: 7,
  random: () => 0.5,
  reject(reason) {
    throw new Error(`rejected: ${reason}`)
  },
}

/** The index that every step gets here: not 0, so that a step that stores nothing shows. */
export const index = 3

export interface Run {
  readonly push: Push
  /** What came out, as [port, value], in order. */
  readonly out: (readonly [string, unknown])[]
  readonly at: Int32Array
}

/** Compiles one step over ports that take down what they get; `onOut` is called on each value before the step goes on. */
export function runStep(step: Step, input = 0, onOut: (value: unknown) => void = () => {}): Run {
  const out: (readonly [string, unknown])[] = []
  const at = new Int32Array(1)
  const pushes = step.compile(
    Object.fromEntries(
      step.ports.map((port) => [
        port,
        (value: unknown) => {
          out.push([port, value])
          onOut(value)
        },
      ]),
    ),
    stepRuntime('probe', at, index),
  )
  const push = pushes[input]
  if (push === undefined) throw new Error(`no input ${input}`)
  return { push, out, at }
}
