import type { Blueprint } from './blueprint.js'
import { InvalidDefinition } from '../errors/definition.js'
import type { Pipeline } from './pipeline.js'

/** In the global registry: two copies of this package in one process know each other's pipelines. */
const blueprintKey = Symbol.for('tidemark.blueprint')

/** A pipeline around its blueprint. */
export function pipelineOf(blueprint: Blueprint): Pipeline {
  const pipeline = { name: blueprint.name, [blueprintKey]: blueprint }
  return Object.freeze(pipeline) as unknown as Pipeline
}

/** The blueprint inside a pipeline. Throws `InvalidDefinition` for anything that `definePipeline` has not made. */
export function blueprintOf(pipeline: Pipeline): Blueprint {
  const blueprint = (pipeline as { readonly [blueprintKey]?: Blueprint } | null | undefined)?.[blueprintKey]
  if (blueprint !== undefined) return blueprint
  const name: unknown = (pipeline as { readonly name?: unknown } | null | undefined)?.name
  throw new InvalidDefinition({
    pipeline: typeof name === 'string' ? name : '',
    faults: [{ path: 'pipeline', message: 'is no pipeline: make it with definePipeline' }],
  })
}
