import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import type { Blueprint } from '../../../src/definition/blueprint.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { ByteBudget } from '../../../src/engine/byte-budget.js'
import type { EngineHost } from '../../../src/engine/host.js'
import { Session } from '../../../src/engine/session.js'
import {
  type ClaimInput,
  type EpochInput,
  type EpochResult,
  ownerOf,
  recordClaim,
  recordEpoch,
} from '../../../src/protocol/epoch.js'
import { newTask } from '../../../src/protocol/new-task.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { silence } from '../../../src/engine/silence.js'

export const NEVER_MS = 2 ** 31 - 1

export function hostOf(more: Partial<EngineHost> = {}): EngineHost {
  const connection = (): never => {
    throw new Error('no connections here')
  }
  return { ...silence, namespace: 'unit', connection, budget: new ByteBudget(2 ** 26), buildId: 'build', ...more }
}

export interface TaskOptions {
  readonly host?: EngineHost
  /** Over the definition's: 0 commits as often as possible, null with the checkpoint. */
  readonly commitMs?: number | null
  readonly until?: string
  /** Default: the first. */
  readonly stage?: string
}

/** One task as its workflow has it, step by step: claims and epochs when a test says so. */
export class Task {
  state: TaskState
  host: EngineHost
  blueprint: Blueprint
  private readonly source: string
  private held: Session | null = null

  constructor(pipeline: Pipeline, options: TaskOptions = {}) {
    const blueprint = blueprintOf(pipeline)
    const { commitMs = blueprint.commitMs } = options
    this.blueprint = { ...blueprint, commitMs }
    this.host = options.host ?? hostOf()
    const stage = blueprint.stages.find(({ id }, index) =>
      options.stage === undefined ? index === 0 : id === options.stage,
    )
    this.source = stage?.sources[0]?.id ?? ''
    const settings = { taskQueue: '', checkpointMs: 0, heartbeatMs: 0, idleMs: 0, maxHistoryEvents: 0 }
    const origin = Object.fromEntries((stage?.sources ?? []).map(({ id }) => [id, '0']))
    const task = newTask({ pipeline: blueprint.name, stage: stage?.id ?? '', partition: 0, settings, origin })
    const until = options.until === undefined ? null : { [this.source]: options.until }
    this.state = { ...task, incarnation: 1, until }
  }

  get session(): Session {
    if (this.held === null) throw new Error('no session: claim first')
    return this.held
  }

  get position(): string {
    return this.state.checkpoint.positions[this.source] ?? ''
  }

  async claim(more: Partial<ClaimInput> = {}): Promise<Session> {
    this.state = { ...this.state, claim: this.state.claim + 1, ownerRunId: 'run' }
    const session = await Session.open(this.host, this.blueprint, this.stage(), { ...this.claimInput(), ...more })
    this.state = recordClaim(this.state, {
      queue: 'queue',
      worker: 'worker',
      furthest: session.catchUp.furthest,
      ledgers: Object.fromEntries(session.ledgers.map((ledger) => [ledger.id, ledger.mark])),
      identities: session.identities,
    })
    this.held = session
    return session
  }

  claimInput(): ClaimInput {
    const { pipeline, stage, partition, origin, checkpoint, scheduled, acceptCodeChange, channel } = this.state
    const owner = ownerOf(this.state, 'run')
    const task = { pipeline, stage, partition, owner, ...(channel !== undefined && { channel }) }
    return { ...task, origin, checkpoint, scheduled, acceptCodeChange, isReset: false, heartbeatMs: NEVER_MS }
  }

  stage(): Blueprint['stages'][number] {
    const stage = this.blueprint.stages.find(({ id }) => id === this.state.stage)
    if (stage === undefined) throw new Error('no stage')
    return stage
  }

  /** Schedules the next epoch, or the same once more. */
  epochInput(more: Partial<EpochInput> = {}): EpochInput {
    const epoch = this.state.checkpoint.epoch + 1
    const scheduled = this.state.scheduled ?? { epoch, time: epoch * 1_000, seed: `seed-${epoch}` }
    this.state = { ...this.state, scheduled }
    const { pipeline, stage, partition, checkpoint, counters, until } = this.state
    const clocks = { checkpointMs: NEVER_MS, idleMs: NEVER_MS, heartbeatMs: NEVER_MS }
    const owner = this.session.owner
    const { positions } = checkpoint
    return { pipeline, stage, partition, owner, ...scheduled, positions, until, counters, ...clocks, ...more }
  }

  /** Runs an epoch and records its result. */
  async epoch(more: Partial<EpochInput> = {}): Promise<EpochResult> {
    const result = await this.session.run(this.epochInput(more))
    this.state = recordEpoch(this.state, result)
    return result
  }

  /** Runs an epoch whose answer gets lost. */
  async lostEpoch(more: Partial<EpochInput> = {}): Promise<void> {
    await this.session.run(this.epochInput(more)).catch(() => undefined)
    await this.lose()
  }

  /** As after `kill -9`: nothing is written, nothing is recorded. */
  async lose(): Promise<void> {
    await this.held?.close()
    this.held = null
    this.state = { ...this.state, session: null }
  }

  /** Loses the session and claims again. */
  async again(more: Partial<ClaimInput> = {}): Promise<Session> {
    await this.lose()
    return await this.claim(more)
  }
}
