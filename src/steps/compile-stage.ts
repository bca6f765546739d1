import type { Stage, StreamRef } from '../definition/graph.js'
import type { LaneMaker, Push } from './step.js'

export interface StageRuntime {
  /** What takes the values that arrive at each sink, by the sink's id. One for every sink of the stage. */
  readonly sinks: Readonly<Record<string, Push>>
  /** `at[0]` is the index in `stage.steps` of the step whose user code was called last; see `StepRuntime`. */
  readonly at: Int32Array
  /** For stages with steps that are waited for. */
  readonly lane?: LaneMaker
}

/**
 * Turns a stage's graph into functions: one `Push` per source, by the source's id. A value goes through everything
 * behind a stream before the next value does; where several nodes read one stream, steps come before sinks, each in
 * the order in which they were defined. Throws what user code throws, from wherever it threw.
 */
export function compileStage(stage: Stage, runtime: StageRuntime): Readonly<Record<string, Push>> {
  const { sinks, at, lane } = runtime
  const readers = new Map<string, Push[]>()
  const read = (ref: StreamRef, push: Push): void => {
    const key = keyOf(ref)
    const known = readers.get(key)
    // Nodes are wired from the last to the first, so the earlier definition goes in front.
    if (known === undefined) readers.set(key, [push])
    else known.unshift(push)
  }
  const outOf = (node: string, port: string): Push => fanOut(readers.get(keyOf({ node, port })) ?? [])

  for (const { id, input } of stage.sinks.toReversed()) {
    const push = Object.hasOwn(sinks, id) ? sinks[id] : undefined
    if (push === undefined) throw new TypeError(`stage '${stage.id}' has a sink '${id}' that nothing was given for`)
    read(input, push)
  }
  for (let index = stage.steps.length - 1; index >= 0; index--) {
    const node = stage.steps[index]
    if (node === undefined) continue
    const { id, step, inputs } = node
    const out = Object.fromEntries(step.ports.map((port) => [port, outOf(id, port)]))
    const pushes = step.compile(out, lane === undefined ? { id, at, index } : { id, at, index, lane })
    for (let i = inputs.length - 1; i >= 0; i--) {
      const input = inputs[i]
      const push = pushes[i]
      if (input !== undefined && push !== undefined) read(input, push)
    }
  }
  return Object.fromEntries(stage.sources.map(({ id }) => [id, outOf(id, 'out')]))
}

/** A space is in neither id nor port. */
function keyOf({ node, port }: StreamRef): string {
  return `${node} ${port}`
}

function fanOut(readers: readonly Push[]): Push {
  const [first, second] = readers
  if (first === undefined) return () => {}
  if (second === undefined) return first
  if (readers.length === 2) {
    return (value, ctx) => {
      first(value, ctx)
      second(value, ctx)
    }
  }
  return (value, ctx) => {
    for (const reader of readers) reader(value, ctx)
  }
}
