import { SimplePlugin } from '@temporalio/plugin'
import type { NativeConnectionOptions, ReplayWorkerOptions, Worker, WorkerOptions } from '@temporalio/worker'
import { InvalidCommand } from '../errors/control.js'
import { ACTIVITY } from '../protocol/names.js'
import { Crew } from './crew.js'
import { type PluginSettings, settingsFrom, type TidemarkPluginOptions } from './options.js'
import { OwnWorkers } from './own-workers.js'
import { workflowsPath } from './workflow-code.js'

/**
 * Runs pipelines in a Temporal worker: `Worker.create({ …, plugins: [new TidemarkPlugin({ pipelines, kafka })] })`. The
 * worker's own workflows, activities and bundle stay as they are; pipelines have workers of their own on the same
 * connection. Throws `InvalidCommand` for wrong options, all faults at once.
 */
export class TidemarkPlugin extends SimplePlugin {
  private readonly settings: PluginSettings
  /** How a thread of its own can reach the server, once the plugin was on a connection. */
  private reach: object | undefined
  private readonly running = new WeakSet<Worker>()
  /** By the connection they share and its namespaces. */
  private readonly crews = new WeakMap<object, Map<string, Crew>>()

  constructor(options: TidemarkPluginOptions) {
    super({ name: 'tidemark.StreamPlugin' })
    this.settings = settingsFrom(options)
  }

  /**
   * Registered on the connection (`NativeConnection.connect({ …, plugins: [plugin] })`, from where it reaches the worker),
   * the plugin can keep sessions alive through steps that block the event loop for longer than the heartbeat time-out.
   */
  override configureNativeConnection(options: NativeConnectionOptions): NativeConnectionOptions {
    const configured = super.configureNativeConnection(options)
    const { address, tls, apiKey, metadata } = configured
    // A key that is a function can't be handed to a thread: then blocks cost what they cost.
    if (typeof apiKey !== 'function') {
      this.reach = structuredClone({
        ...(address !== undefined && { address }),
        ...(tls !== undefined && tls !== null && { tls }),
        ...(apiKey !== undefined && { apiKey }),
        ...(metadata !== undefined && { metadata }),
      })
    }
    return configured
  }

  /** Pipelines have a task queue of their own. And a worker needs something to do: one without workflows and activities gets an activity that nobody calls. */
  override configureWorker(options: WorkerOptions): WorkerOptions {
    const configured = super.configureWorker(options)
    if (isOurs(Object.keys(configured.activities ?? {}))) return configured
    const { taskQueue } = this.settings
    if (configured.taskQueue === taskQueue) {
      const reason = `the worker's own task queue and the pipelines' are both '${taskQueue}': name one of them otherwise`
      throw new InvalidCommand({ command: 'Worker.create', reason })
    }
    const { workflowsPath: path, workflowBundle, activities, nexusServices } = configured
    const idle = path === undefined && workflowBundle === undefined && isEmpty(activities) && isEmpty(nexusServices)
    if (!idle) return configured
    return { ...configured, activities: { [ACTIVITY.presence]: async () => 'here' } }
  }

  /** Replays of pipelines' own histories need no path; those of users' workflows keep theirs. */
  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    const configured = super.configureReplayWorker(options)
    if (configured.workflowsPath !== undefined || configured.workflowBundle !== undefined) return configured
    return { ...configured, workflowsPath }
  }

  /** Both run, and both end, together. Several workers on one connection have ours in common. */
  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    // Registered on connection and worker alike, the SDK calls it twice; and it calls it for our own workers.
    if (this.running.has(worker) || isOurs([...worker.options.activities.keys()])) return super.runWorker(worker, next)
    this.running.add(worker)
    return this.crewFor(worker).beside(worker, () => super.runWorker(worker, next))
  }

  private crewFor(worker: Worker): Crew {
    const shared = worker.connection ?? worker
    const crews = this.crews.get(shared) ?? new Map<string, Crew>()
    this.crews.set(shared, crews)
    const { namespace } = worker.options
    const crew = crews.get(namespace)
    if (crew?.open === true) return crew
    const next = new Crew(() => OwnWorkers.create(worker, this.settings, this.reach), crew)
    crews.set(namespace, next)
    return next
  }
}

/** A plugin on the connection meets the workers that it has made itself. */
function isOurs(activities: readonly string[]): boolean {
  const own: readonly string[] = [ACTIVITY.describePipeline, ACTIVITY.claim, ACTIVITY.runEpoch]
  return activities.some((name) => own.includes(name))
}

function isEmpty(given: object | undefined): boolean {
  return given === undefined || Object.keys(given).length === 0
}
