import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { Positions } from '../definition/position.js'
import type { EngineHost } from '../engine/host.js'
import { Session } from '../engine/session.js'
import type { Problem } from '../protocol/checkpoint.js'
import { type EpochResult, ownerOf, recordClaim, recordEpoch } from '../protocol/epoch.js'
import { newTask } from '../protocol/new-task.js'
import type { TaskState } from '../protocol/task.js'
import type { EpochMs } from '../units.js'

/** Epochs end when the test says so: neither clock may strike before. */
const NEVER_MS = 2 ** 31 - 1
const RUN_ID = 'test'

/** What a bad record under `onError: 'fail'` parks its task with, as an error of that code. */
export class TaskParked extends Error {
  readonly code: string
  readonly next: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(problem: Problem) {
    super(problem.message)
    this.name = problem.code
    this.code = problem.code
    this.next = problem.next
    this.details = problem.details
  }
}

export interface TestTaskOptions {
  readonly host: EngineHost
  readonly blueprint: Blueprint
  readonly stage: Stage
  readonly partition: number
  /** The position behind the last record sent, by source. */
  readonly ends: () => Positions
  readonly now: () => EpochMs
  readonly seed: string
}

/** One task as its workflow would run it: claim, epoch, record; with the session in this process and no history but `state`. */
export class TestTask {
  readonly #options: TestTaskOptions
  #state: TaskState
  #session: Session | null = null
  #epoch: Promise<void> | null = null
  #failure: unknown = null

  constructor(options: TestTaskOptions) {
    this.#options = options
    this.#state = blank(options)
  }

  /** Resolves once everything sent so far has been through the steps and is committed. Throws what an epoch fails with. */
  async settle(): Promise<void> {
    for (let turns = 0; ; turns++) {
      if (this.#failure !== null) throw this.#taken()
      if (this.#session?.closed === true) this.#session = null
      this.#session ??= await this.#claim()
      if (this.#atRest(this.#session)) return
      this.#epoch ??= this.#run(this.#session)
      // What an epoch has gone on without is for the next one, and none ends here by itself.
      if (this.#session.inputs.some(({ closed, next }) => closed && next !== undefined))
        this.#session.interrupt('interrupted')
      // Most records take a few turns; one that waits for something shall not cost a core.
      await Promise.race([this.#epoch, turns < 100 ? nextTurn() : delay(1)])
    }
  }

  /** Ends the epoch under way and records it. */
  async checkpoint(): Promise<void> {
    await this.settle()
    this.#session?.interrupt('interrupted')
    await this.#epoch
    if (this.#failure !== null) throw this.#taken()
  }

  /** Loses the session, and what it knew, then goes on from the last checkpoint and the ledgers as they are. */
  async crash(): Promise<void> {
    await this.#lose()
    await this.settle()
  }

  async close(): Promise<void> {
    await this.#lose()
  }

  async #claim(): Promise<Session> {
    const { host, blueprint, stage } = this.#options
    this.#state = { ...this.#state, claim: this.#state.claim + 1, ownerRunId: RUN_ID }
    const { origin, checkpoint, scheduled, partition, pipeline } = this.#state
    const session = await Session.open(host, blueprint, stage, {
      pipeline,
      stage: stage.id,
      partition,
      owner: ownerOf(this.#state, RUN_ID),
      origin,
      checkpoint,
      scheduled,
      acceptCodeChange: false,
      isReset: false,
      heartbeatMs: NEVER_MS,
    })
    this.#state = recordClaim(this.#state, {
      queue: 'test',
      worker: 'test',
      furthest: session.catchUp.furthest,
      ledgers: Object.fromEntries(session.ledgers.map((ledger) => [ledger.id, ledger.mark])),
      identities: {},
    })
    return session
  }

  /** One epoch and what follows from its end; never rejects. */
  async #run(session: Session): Promise<void> {
    const { seed, now } = this.#options
    const epoch = this.#state.checkpoint.epoch + 1
    const scheduled = this.#state.scheduled ?? { epoch, time: now(), seed: `${seed}/${epoch}` }
    this.#state = { ...this.#state, scheduled }
    const { pipeline, stage, partition, checkpoint, counters } = this.#state
    try {
      const result = await session.run({
        pipeline,
        stage,
        partition,
        owner: session.owner,
        ...scheduled,
        positions: checkpoint.positions,
        counters,
        until: null,
        checkpointMs: NEVER_MS,
        idleMs: NEVER_MS,
        heartbeatMs: NEVER_MS,
      })
      await this.#record(session, result)
    } catch (error) {
      if (session !== this.#session) return
      this.#session = null
      this.#failure = error
    } finally {
      this.#epoch = null
    }
  }

  async #record(session: Session, result: EpochResult): Promise<void> {
    if (session !== this.#session) return
    this.#state = recordEpoch(this.#state, result)
    if (result.problem === undefined) return
    this.#session = null
    this.#failure = new TaskParked(result.problem)
    await session.close()
  }

  #atRest(session: Session): boolean {
    const caughtUp = this.#state.session?.furthest === null
    return caughtUp && session.has(this.#options.ends()) && !session.ledgers.some((ledger) => ledger.dirty)
  }

  async #lose(): Promise<void> {
    const [session, epoch] = [this.#session, this.#epoch]
    this.#session = null
    this.#state = { ...this.#state, session: null }
    await session?.close()
    await epoch
    this.#failure = null
  }

  #taken(): unknown {
    const failure = this.#failure
    this.#failure = null
    return failure
  }
}

function blank({ blueprint, stage, partition }: TestTaskOptions): TaskState {
  const settings = {
    taskQueue: '',
    checkpointMs: NEVER_MS,
    heartbeatMs: NEVER_MS,
    idleMs: NEVER_MS,
    maxHistoryEvents: 1,
  }
  const origin = Object.fromEntries(stage.sources.map(({ id }) => [id, '0']))
  return newTask({ pipeline: blueprint.name, stage: stage.id, partition, settings, origin })
}
