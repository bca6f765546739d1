import type { Owner } from '../../src/definition/sink.js'
import { TidemarkError } from '../../src/errors/base.js'
import { SessionLost } from '../../src/errors/ownership.js'
import { type EpochResult, ownerOf, recordClaim, recordEpoch } from '../../src/protocol/epoch.js'
import type { TaskState } from '../../src/protocol/task.js'
import { park } from '../../workflows/task-control.js'
import type { SimWorker } from './sim-worker.js'

const NEVER_MS = 2 ** 31 - 1
const FOREIGN_FENCES = 3

export interface TaskWorld {
  /** A worker that takes the claim. */
  readonly anyone: () => SimWorker
  readonly worker: (name: string) => SimWorker | undefined
  readonly seed: () => string
  /** The epoch's time: another one each time. */
  readonly time: () => number
  /** Breaks the rule that every attempt of an epoch has the same time and seed. */
  readonly drawsAnew: boolean
  readonly recorded: (state: TaskState) => void
}

/** A task's workflow, as workflows/task.ts has it, without Temporal: claim → epoch → record. */
export class SimTask {
  state: TaskState
  /** Closed by somebody who has started the pipeline anew: what is under way goes on, and counts for nothing. */
  closed = false
  /** Where the activity under way runs. */
  on: SimWorker | null = null
  private readonly world: TaskWorld
  private runId: string
  private readonly firstRunId: string
  private lose: (() => void) | null = null

  constructor(world: TaskWorld, state: TaskState, runId: string) {
    this.world = world
    this.state = state
    this.runId = runId
    this.firstRunId = runId
  }

  async run(): Promise<void> {
    while (!this.closed && this.state.phase === 'running') {
      if (this.state.session === null) await this.claim()
      else await this.epoch()
    }
  }

  /** The activity under way is given up, as by a time-out: it may go on, or begin late. */
  timeOut(): void {
    this.lose?.()
  }

  close(): void {
    this.closed = true
    this.lose?.()
  }

  /** State goes through JSON, the run gets a new id, and the session stays whose it was. */
  continueAsNew(runId: string): void {
    this.runId = runId
    this.state = JSON.parse(JSON.stringify(this.state)) as TaskState
  }

  /** Ends the epoch under way at the next record, or before it begins. */
  interrupt(): void {
    const { session, checkpoint } = this.state
    if (session === null) return
    this.world
      .worker(session.queue)
      ?.registry.find(this.state)
      ?.interrupt('interrupted', checkpoint.epoch + 1)
  }

  private async claim(): Promise<void> {
    const { runId } = this
    this.state = { ...this.state, claim: this.state.claim + 1, ownerRunId: runId }
    const { pipeline, stage, partition, origin, checkpoint, scheduled, acceptCodeChange } = this.state
    const owner = ownerOf(this.state, runId)
    const task = { pipeline, stage, partition, owner }
    const input = { ...task, origin, checkpoint, scheduled, acceptCodeChange, isReset: false, heartbeatMs: NEVER_MS }
    const worker = this.world.anyone()
    try {
      const result = await this.activity(worker, 'claim', () => worker.claim(input))
      if (this.closed) return
      this.state = recordClaim(this.state, result)
    } catch (error) {
      this.failed(error)
    }
  }

  private async epoch(): Promise<void> {
    const { checkpoint, session, ownerRunId, pipeline, stage, partition } = this.state
    if (session === null || ownerRunId === null) return
    const drawn = { epoch: checkpoint.epoch + 1, time: this.world.time(), seed: this.world.seed() }
    const scheduled = this.world.drawsAnew ? drawn : (this.state.scheduled ?? drawn)
    this.state = { ...this.state, scheduled }
    const owner = ownerOf(this.state, ownerRunId)
    const input = {
      pipeline,
      stage,
      partition,
      owner,
      ...scheduled,
      positions: checkpoint.positions,
      until: this.state.until,
      counters: this.state.counters,
      checkpointMs: 400,
      idleMs: 3_000,
      heartbeatMs: NEVER_MS,
    }
    const worker = this.world.worker(session.queue)
    try {
      if (worker === undefined) throw this.lost('its worker is gone')
      const result = await this.activity(worker, 'epoch', () => worker.runEpoch(input))
      if (this.closed) return
      this.record(result)
    } catch (error) {
      if (!this.closed) this.state = { ...this.state, session: null }
      this.failed(error)
    }
  }

  private record(result: EpochResult): void {
    this.state = recordEpoch(this.state, result)
    if (result.problem !== undefined) this.state = park(this.state, result.problem)
    else if (result.ended === 'until') this.state = { ...this.state, phase: 'completed' }
    this.world.recorded(this.state)
  }

  /** One attempt: late to begin, late to answer, or given up in between. */
  private async activity<R>(worker: SimWorker, name: string, work: () => Promise<R>): Promise<R> {
    const attempt = (async () => {
      await worker.step(`${name} begins`)
      const result = JSON.parse(JSON.stringify(await work())) as R
      await worker.step(`${name} answers`)
      return result
    })()
    this.on = worker
    const given = new Promise<never>((_, reject) => {
      this.lose = () => reject(this.lost(`${name} timed out`))
    })
    given.catch(() => undefined)
    attempt.catch(() => undefined)
    try {
      return await Promise.race([attempt, given])
    } finally {
      this.lose = null
      this.on = null
    }
  }

  private failed(error: unknown): void {
    if (this.closed) return
    if (!(error instanceof TidemarkError)) return
    if (error.code === 'GenerationFenced') this.fenced(error)
    else if (!error.retryable) this.park(error)
  }

  private fenced(error: TidemarkError): void {
    const { state } = this
    const holder = error.details['ledgerOwner'] as Owner | null
    const own = holder !== null && [this.runId, this.firstRunId, state.ownerRunId].includes(holder.runId)
    const fencedByOthers = state.fencedByOthers + (own ? 0 : 1)
    this.state = { ...state, session: null, fencedByOthers, claim: Math.max(state.claim, holder?.claim ?? 0) }
    if (fencedByOthers >= FOREIGN_FENCES) this.park(error)
  }

  private park({ code, message, next, details }: TidemarkError): void {
    this.state = park(this.state, { code, message, next, details, at: 0 })
  }

  private lost(reason: string): SessionLost {
    const { pipeline, stage, partition } = this.state
    return new SessionLost({ pipeline, stage, partition, worker: null, reason })
  }
}
