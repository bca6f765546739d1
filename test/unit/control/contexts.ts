import type { Client } from '@temporalio/client'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { WorkerContext } from '../../../src/control/worker-context.js'
import { SessionRegistry } from '../../../src/engine/registry.js'
import { hostOf } from '../engine/task.js'

/** What a worker with these pipelines gives to its activities. */
export function contextOf(pipelines: readonly Pipeline[], client: unknown = null): WorkerContext {
  return {
    engine: hostOf(),
    registry: new SessionRegistry(),
    pipelines: new Map(pipelines.map((pipeline) => [pipeline.name, blueprintOf(pipeline)])),
    client: client as Client,
    taskQueue: 'tidemark',
    processQueue: 'tidemark/this-process',
    identity: 'host-1',
    heartbeatMs: 6_000,
    idleMs: 60_000,
    discoveryMs: 30_000,
    searchAttributes: async () => true,
  }
}
