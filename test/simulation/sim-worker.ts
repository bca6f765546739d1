import { asyncLocalStorage, type Context } from '@temporalio/activity'
import { controlActivities } from '../../activities/control.js'
import { sessionActivities } from '../../activities/session.js'
import type { WorkerContext } from '../../src/control/worker-context.js'
import type { Blueprint } from '../../src/definition/blueprint.js'
import type { Owner } from '../../src/definition/sink.js'
import { ByteBudget } from '../../src/engine/byte-budget.js'
import { SessionRegistry, type TaskKey } from '../../src/engine/registry.js'
import type { Session } from '../../src/engine/session.js'
import { silence } from '../../src/engine/silence.js'
import { Process, type Schedule } from './schedule.js'
import { type ClientFlaw, simClient } from './temporal/client.js'
import type { SimTemporal } from './temporal/server.js'

const NEVER_MS = 2 ** 31 - 1

export interface WorkerParts {
  readonly name: string
  readonly schedule: Schedule
  readonly blueprint: Blueprint
  readonly buildId: string
  readonly temporal: () => SimTemporal
  readonly clientFlaw: ClientFlaw | null
}

type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>

/** One worker process, with the activities that a real one has. */
export class SimWorker extends Process {
  readonly registry = new WatchedRegistry()
  private readonly activities: Activities

  constructor({ name, schedule, blueprint, buildId, temporal, clientFlaw }: WorkerParts) {
    super(name, schedule)
    const context: WorkerContext = {
      engine: {
        ...silence,
        namespace: 'simulated',
        budget: new ByteBudget(1024 * 1024),
        connection: () => this,
        buildId,
      },
      registry: this.registry,
      pipelines: new Map([[blueprint.name, blueprint]]),
      client: simClient(this, temporal, clientFlaw),
      taskQueue: '',
      processQueue: name,
      identity: name,
      heartbeatMs: NEVER_MS,
      idleMs: NEVER_MS,
      discoveryMs: NEVER_MS,
      searchAttributes: async () => false,
    }
    this.activities = { ...sessionActivities(context), ...controlActivities(context) } as unknown as Activities
  }

  /** All it ever opened: those it has lost sight of would leak. */
  get opened(): readonly Session[] {
    return this.registry.opened
  }

  /** Runs an activity. `abort` is what the server lets it know meanwhile: its reason, as cancellation details. */
  perform(type: string, input: unknown, abort: AbortController): Promise<unknown> {
    const activity = this.activities[type]
    if (activity === undefined) throw new TypeError(`no activity ${type}`)
    const context = {
      info: { taskToken: new Uint8Array() },
      heartbeat: () => undefined,
      cancellationSignal: abort.signal,
      get cancellationDetails(): unknown {
        return abort.signal.reason
      },
    }
    return asyncLocalStorage.run(context as unknown as Context, () => activity(input as never))
  }
}

class WatchedRegistry extends SessionRegistry {
  readonly opened: Session[] = []

  override claim(task: TaskKey, owner: Owner, open: () => Promise<Session>): Promise<Session> {
    return super.claim(task, owner, async () => {
      const session = await open()
      this.opened.push(session)
      return session
    })
  }
}
