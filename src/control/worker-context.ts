import type { Client } from '@temporalio/client'
import type { Blueprint } from '../definition/blueprint.js'
import type { EngineHost } from '../engine/host.js'
import type { SessionRegistry } from '../engine/registry.js'
import { PipelineNotFound } from '../errors/control.js'
import type { Stage } from '../definition/graph.js'

/** What one worker process gives to the activities of this library. */
export interface WorkerContext {
  readonly engine: EngineHost
  readonly registry: SessionRegistry
  readonly pipelines: ReadonlyMap<string, Blueprint>
  /** On the worker's own connection. */
  readonly client: Client
  /** The pipelines' queue. */
  readonly taskQueue: string
  /** The queue only this process polls. */
  readonly processQueue: string
  /** Of this worker, for people. */
  readonly identity: string
  /** Milliseconds without a heartbeat after which a session counts as lost. */
  readonly heartbeatMs: number
  /** Milliseconds an epoch without a record lasts. */
  readonly idleMs: number
  /** Milliseconds between looks for new partitions. */
  readonly discoveryMs: number
  /** Search attributes this namespace has registered. */
  readonly searchAttributes: () => Promise<boolean>
}

/** The definition of that name on this worker. Throws `PipelineNotFound` with the names there are. */
export function blueprintIn(context: WorkerContext, pipeline: string): Blueprint {
  const blueprint = context.pipelines.get(pipeline)
  if (blueprint === undefined) throw new PipelineNotFound({ pipeline, known: [...context.pipelines.keys()] })
  return blueprint
}

/** A stage of a definition on this worker. Throws `PipelineNotFound`: where it was renamed, another worker may have it still. */
export function stageIn(blueprint: Blueprint, stage: string): Stage {
  const { name, stages } = blueprint
  const found = stages.find((s) => s.id === stage)
  if (found === undefined) throw new PipelineNotFound({ pipeline: name, stage, known: stages.map(({ id }) => id) })
  return found
}
