import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { Runtime, Worker, type WorkerDeploymentOptions, type WorkerOptions } from '@temporalio/worker'
import { controlActivities } from '../../activities/control.js'
import { sessionActivities } from '../../activities/session.js'
import type { WorkerContext } from '../control/worker-context.js'
import { ByteBudget } from '../engine/byte-budget.js'
import { SessionRegistry } from '../engine/registry.js'
import { type Lifeline, StallWatch } from '../engine/stall-watch.js'
import { InvalidCommand } from '../errors/control.js'
import { SIGNAL, type TaskControl } from '../protocol/messages.js'
import { ACTIVITY, claimsQueue, taskWorkflowId } from '../protocol/names.js'
import { claimSlots } from './claim-slots.js'
import { OrphanWatch } from './orphan-watch.js'
import type { PluginSettings } from './options.js'
import { searchAttributesOf } from './search-attributes.js'
import { uninterrupted, workflowCode } from './workflow-code.js'

/** A lost worker's workflow tasks wait for that long until another worker gets them. The SDK's default is 10 s. */
const STICKY_MS = 1_000
/** How long to wait for a moment without decisions. With very many tasks there is none. */
const LULL_MS = 500
/** How long to wait for the next epoch of a task: longer than it takes the server to notice a lost decision. */
const PATIENCE_MS = 7_000
/** How long to wait for the end of an epoch or claim under way: a sink that hangs must not keep a worker for ever. */
const END_MS = 30_000

/**
 * The workers of this library beside a user's: one for workflows and control on the pipelines' queue, one for claims,
 * one on a queue that only this process polls. They share the user worker's connection and take over what concerns every
 * worker of a process: namespace, identity, data converter, interceptors, deployment.
 */
export class OwnWorkers {
  private readonly workers: OwnWorkerSet
  private readonly registry: SessionRegistry
  private readonly stalls: StallWatch
  private readonly orphans: OrphanWatch
  private ending: Promise<void> | undefined

  private constructor(workers: OwnWorkerSet, registry: SessionRegistry, stalls: StallWatch, orphans: OrphanWatch) {
    this.workers = workers
    this.registry = registry
    this.stalls = stalls
    this.orphans = orphans
    // A signal makes the SDK call this for every worker of the process at once; ours end in an order.
    for (const worker of Object.values(workers)) worker.shutdown = () => this.shutdown()
  }

  static async create(user: Worker, settings: PluginSettings, reach: object | undefined): Promise<OwnWorkers> {
    const { connection, client } = user
    if (connection === undefined || client === undefined) {
      throw new InvalidCommand({ command: 'run', reason: 'TidemarkPlugin needs a worker with a connection' })
    }
    const { namespace, identity, dataConverter, interceptors, workerDeploymentOptions } = user.options
    const { logger } = Runtime.instance()
    const registry = new SessionRegistry()
    const stalls = new StallWatch(lifelineOf(reach, namespace))
    const taskQueue = settings.taskQueue
    const processQueue = `${taskQueue}/${randomUUID().slice(0, 13)}`
    const context: WorkerContext = {
      engine: {
        namespace,
        connection: (kind, name) =>
          kind === 'temporal' && name === 'default' ? client : settings.connection(kind, name),
        budget: new ByteBudget(settings.prefetchBytes),
        stalls,
        log: {
          info: (message, meta) => logger.info(message, meta),
          warn: (message, meta) => logger.warn(message, meta),
        },
        tell: ({ pipeline, stage, partition, owner }, trouble) => {
          const { incarnation, claim } = owner
          const control: TaskControl = {
            kind: 'trouble',
            reason: '',
            acceptCodeChange: false,
            incarnation,
            claim,
            trouble,
          }
          const task = client.workflow.getHandle(taskWorkflowId(pipeline, stage, partition))
          // It learns by the checkpoint that follows.
          task.signal(SIGNAL.control, control).catch(() => undefined)
        },
        buildId: workerDeploymentOptions?.version.buildId ?? '',
      },
      registry,
      pipelines: settings.pipelines,
      client,
      taskQueue,
      processQueue,
      identity,
      heartbeatMs: settings.heartbeatMs,
      idleMs: settings.idleMs,
      discoveryMs: settings.discoveryMs,
      searchAttributes: searchAttributesOf(connection, namespace),
    }
    const { client: _, workflowModules, ...activityInterceptors } = interceptors
    const shared: Omit<WorkerOptions, 'taskQueue'> = {
      connection,
      namespace,
      identity,
      ...(dataConverter !== undefined && { dataConverter }),
      interceptors: activityInterceptors,
      ...(workerDeploymentOptions !== undefined && {
        workerDeploymentOptions: pinned(workerDeploymentOptions),
      }),
    }
    const { [ACTIVITY.claim]: claim, ...session } = sessionActivities(context)
    const made = await Promise.allSettled([
      Worker.create({
        ...shared,
        taskQueue,
        ...workflowCode(workflowModules, dataConverter),
        interceptors: { ...activityInterceptors, workflowModules },
        activities: controlActivities(context),
        stickyQueueScheduleToStartTimeout: STICKY_MS,
        ...uninterrupted,
      }),
      Worker.create({
        ...shared,
        taskQueue: claimsQueue(taskQueue),
        activities: { [ACTIVITY.claim]: claim },
        tuner: {
          activityTaskSlotSupplier: claimSlots(registry, settings.maxTasks),
          workflowTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
          localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
          nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
        },
        activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 2 },
      }),
      Worker.create({
        ...shared,
        taskQueue: processQueue,
        activities: session,
        // One epoch per task, and room for words to each.
        maxConcurrentActivityTaskExecutions: settings.maxTasks * 2 + 10,
      }),
    ])
    const workers = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failed = made.find((one) => one.status === 'rejected')
    const [control, claims, sessions] = workers
    if (failed === undefined && control !== undefined && claims !== undefined && sessions !== undefined) {
      return new OwnWorkers({ control, claims, sessions }, registry, stalls, new OrphanWatch(client, registry))
    }
    // One that never ran would hold the connection for ever.
    await Promise.allSettled(workers.map((worker) => worker.runUntil(Promise.resolve())))
    await stalls.close()
    throw failed?.reason
  }

  /** Runs until `shutdown`, a signal the SDK listens to, or a failure of one of them, which ends all. */
  async run(): Promise<void> {
    const runs = Object.values(this.workers).map(async (worker) => {
      try {
        await worker.run()
      } finally {
        this.shutdown()
      }
    })
    const results = await Promise.allSettled(runs)
    await this.ending
    this.orphans.stop()
    await this.registry.close()
    await this.stalls.close()
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Epochs end at their next commit, tasks are handed over, then the workers stop. May be called again. */
  shutdown(): void {
    this.ending ??= this.end()
  }

  /**
   * A worker that stops polling drops what the server is just handing to it or what it has not yet begun with, and then
   * somebody waits for a time-out. So the workflows' decisions and claims go elsewhere first, at a moment when none is
   * due here; then tasks are let go; and epochs are polled for until all are gone.
   */
  private async end(): Promise<void> {
    const { control, claims, sessions } = this.workers
    await this.registry.allBusy(LULL_MS)
    stop(claims)
    stop(control)
    await Promise.all([untilDrained(claims), untilDrained(control)])
    this.registry.shutDown()
    await this.registry.allHandedBack(PATIENCE_MS, END_MS)
    stop(sessions)
  }
}

/** One for workflows, plans and old runs; one for claims; one that this process's sessions are reached by. */
interface OwnWorkerSet {
  readonly control: Worker
  readonly claims: Worker
  readonly sessions: Worker
}

function stop(worker: Worker): void {
  if (worker.getState() === 'RUNNING') Worker.prototype.shutdown.call(worker)
}

async function untilDrained(worker: Worker): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (['STOPPING', 'DRAINING'].includes(worker.getState()) && performance.now() < deadline) await delay(10)
}

/** Where the connection's options are known: a thread can't share the connection itself. */
function lifelineOf(reach: object | undefined, namespace: string): Lifeline | undefined {
  if (reach === undefined) return undefined
  return { client: createRequire(import.meta.url).resolve('@temporalio/client'), namespace, connection: reach }
}

/** Pipelines stay on the version they began with until they continue as new: then they move on. */
function pinned(options: WorkerDeploymentOptions): WorkerDeploymentOptions {
  return options.useWorkerVersioning ? { ...options, defaultVersioningBehavior: 'PINNED' } : options
}
