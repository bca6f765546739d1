import { setImmediate as nextTurn } from 'node:timers/promises'
import { planMark } from '../definition/fingerprint.js'
import type { Positions } from '../definition/position.js'
import type { SourceBatch } from '../definition/source.js'
import { NotCaughtUp } from '../errors/ownership.js'
import { StateBackendUnavailable } from '../errors/state.js'
import type { Problem, StateChange } from '../protocol/checkpoint.js'
import type { EpochEnd, EpochInput, EpochResult } from '../protocol/epoch.js'
import { problemOf } from './bad-record.js'
import { AsyncSlicer } from './async-slicer.js'
import { BadRecords } from './bad-records.js'
import { commitAll } from './commit.js'
import { Emitter } from './emitter.js'
import type { Input } from './input.js'
import type { Ledger } from './ledger.js'
import type { Session } from './session.js'
import { SLICE_MS, type Slicer, SyncSlicer } from './slicer.js'
import { Timed } from './timed.js'
import { raised } from './until.js'
import { type Limit, type Turn, Turns } from './turns.js'

/** `ctx.now` of an idle epoch is older than this when its first record comes: that one belongs to the next (PROTOCOL §3.8). */
const STALE_MS = 1_000
/** Trouble with the source that lasts longer ends an epoch, to be told. */
const TROUBLE_MS = 3_000
/** An epoch whose checkpoint is late looks so often whether it can be made. */
const LATE_LOOK_MS = 50

/**
 * One epoch: prefetched records through the steps, outputs to the sinks by the commit clock, until the checkpoint clock,
 * a command, an end or a bad record says stop. Returns a checkpoint only where PROTOCOL §3.4 allows one.
 */
export async function runEpoch(session: Session, input: EpochInput): Promise<EpochResult> {
  return new EpochRun(session, input).run()
}

class EpochRun {
  private readonly session: Session
  private readonly input: EpochInput
  /** What was due is through by then, however long its calls took: records are not late by that. */
  private started = performance.now()
  private gaveWay = this.started
  private readonly until: Positions | null
  private readonly committedAt = new Map<Ledger, number>()
  private readonly badRecords: BadRecords
  private readonly slicer: Slicer
  private readonly timed: Timed
  private readonly turns: Turns
  private active = false
  private told = false
  /** Records that the source has lost. */
  private lost = 0
  private commits = 0

  constructor(session: Session, input: EpochInput) {
    this.session = session
    this.input = input
    this.badRecords = new BadRecords(session, input.epoch)
    this.slicer =
      session.calls === null
        ? new SyncSlicer(session, this.badRecords)
        : new AsyncSlicer(session, session.calls, this.badRecords)
    this.timed = new Timed(session, input, this.badRecords)
    this.turns = new Turns(session.inputs, session.host.gatherMs)
    const { catchUp, flow } = session
    session.answers?.begin(input.epoch)
    flow.now = input.time
    flow.seed = input.seed
    this.until = input.until === null ? null : raised(input.until, catchUp.furthest, session.inputs)
    for (const ledger of session.ledgers) this.committedAt.set(ledger, this.started)
    for (const outlet of session.outlets) outlet.offered = 0
    session.time.countAnew()
    session.guard.start(input.epoch, input.checkpointMs)
  }

  async run(): Promise<EpochResult> {
    const { session } = this
    const { catchUp } = session
    // A checkpoint before anything else: the epoch's time is old.
    if (session.adopted) return this.finish('caught-up')
    session.time.expect(this.input.time, true)
    const failed = await this.timed.start()
    if (failed !== null) return this.finishUndone(failed)
    this.started = performance.now()
    const caughtUp = catchUp.active ? await this.caughtUp() : null
    if (caughtUp !== null) return this.finish(caughtUp)
    for (;;) {
      session.abort.signal.throwIfAborted()
      session.guard.turn()
      if (!catchUp.active) {
        const end = this.endByClock()
        if (end === 'until') return this.finishAtEnd()
        const result = end === null ? null : await this.finishByClock(end)
        if (result !== null) return result
        await this.commitDue()
        session.keeper.tend()
      } else if (session.stop === 'released') throw this.notCaughtUp()
      const turn = this.turns.next(catchUp.next ?? this.until)
      const end = await (turn.kind === 'take' ? this.take(turn.input, turn.limit) : this.wait(turn))
      if (end !== null) return end
      if (turn.kind === 'take') await this.giveWay()
    }
  }

  /** Slices end with their time, or where it is another source's turn. */
  private async giveWay(): Promise<void> {
    if (this.session.inputs.length > 1 && performance.now() - this.gaveWay < SLICE_MS) return
    await nextTurn()
    this.gaveWay = performance.now()
  }

  /** Nothing can be taken just now: the end that follows from it, or null behind a while. */
  private async wait(turn: Exclude<Turn, { readonly kind: 'take' }>): Promise<EpochResult | null> {
    const { session } = this
    const { catchUp } = session
    if (turn.kind === 'over') return this.finishAtEnd()
    if (turn.kind === 'spent') return this.finish('interval')
    const { hungry, forMs } = turn
    const lost = hungry.find(({ prefetch }) => prefetch.failure !== undefined)
    if (lost !== undefined) return this.endByFailure(lost, lost.prefetch.failure)
    // No clock ends an epoch that catches up: what keeps it from that is told by claiming again.
    const troubled = hungry.find(({ prefetch }) => prefetch.trouble !== null)
    if (catchUp.active && troubled !== undefined) throw troubled.prefetch.trouble
    // Told when it lasts and when it is over, not when a clock happens to strike.
    const tell = session.inTrouble ? session.trouble === null : session.troubledMs >= TROUBLE_MS
    if (!catchUp.active && tell && session.guard.pauseMs === 0) {
      // Where state can't be stored either, records may come again first.
      const result = await this.finishByClock(this.active ? 'interval' : 'idle')
      if (result !== null) return result
    }
    if (this.isStale) return this.finish('idle')
    session.guard.rest()
    await session.bell.wait(Math.min(this.patience(), forMs))
    return null
  }

  private async take(input: Input, limit: Limit | null): Promise<EpochResult | null> {
    const batch = input.prefetch.head
    if (batch === undefined) return null
    if (this.isStale) return this.finish('idle')
    if (batch.skipped !== undefined && input.skipped !== batch) return this.finishAtSkip(input, batch)
    return this.step(input, batch, limit)
  }

  /** The first record comes when the epoch's time is old. */
  private get isStale(): boolean {
    const { catchUp, inputs } = this.session
    if (this.active || catchUp.active || this.elapsed <= STALE_MS) return false
    return inputs.some((input) => input.next !== undefined)
  }

  private get elapsed(): number {
    return performance.now() - this.started
  }

  private get lengthMs(): number {
    return Math.max(this.active ? this.input.checkpointMs : this.input.idleMs, this.session.guard.minPauseMs)
  }

  private endByClock(): EpochEnd | null {
    if (this.session.stop !== null) return this.session.stop
    const { until, session } = this
    if (session.refusals.full || session.answers?.full === true) return 'interval'
    if (until !== null && session.has(until)) return 'until'
    if (session.guard.pauseMs > 0) return null
    if (!this.active && this.elapsed >= this.timed.dueMs) return 'idle'
    if (this.elapsed < this.lengthMs) return null
    return this.active ? 'interval' : 'idle'
  }

  /**
   * Null where state can't be stored for now: the epoch goes on, and its checkpoint is late. One that ends for another
   * reason than its clocks waits instead.
   */
  private async finishByClock(end: EpochEnd): Promise<EpochResult | null> {
    const { keeper, stop, refusals, guard, abort } = this.session
    if (stop !== null || refusals.full) return this.finish(end)
    guard.begin()
    if (!keeper.ready || guard.overdue) return this.late(keeper.trouble, 'it took longer to store state')
    await this.settle()
    if (guard.overdue) return this.late(null, 'the sinks took longer to commit')
    try {
      return this.result(end, await guard.inTime(abort.signal, (signal) => keeper.capture(signal, false)))
    } catch (error) {
      if (!(error instanceof StateBackendUnavailable)) throw error
      abort.signal.throwIfAborted()
      return this.late(error, error.message)
    }
  }

  /** The checkpoint can't be made now; one that has taken too long is given up. */
  private late(trouble: Error | null, reason: string): null {
    const { guard } = this.session
    if (guard.overdue) guard.giveUp(trouble?.message ?? reason, trouble ?? undefined)
    return this.tellTrouble()
  }

  /** Status shows what holds a checkpoint back, though only checkpoints tell of anything else. */
  private tellTrouble(waits = false): null {
    const { host, keeper, claim, guard } = this.session
    const { trouble } = keeper
    // Failed checkpoints are told one by one.
    if (this.told || (guard.hasFailed && !waits) || trouble === null || (guard.lateMs ?? 0) < TROUBLE_MS) return null
    this.told = true
    host.tell?.(claim, problemOf(trouble, Date.now()))
    return null
  }

  /** How long to wait for records at most: until the next clock strikes. */
  private patience(): number {
    if (this.session.catchUp.active) return 1_000
    const { guard } = this.session
    if (guard.lateMs !== null) return LATE_LOOK_MS
    let due = (this.active ? this.lengthMs : Math.min(this.lengthMs, this.timed.dueMs)) - this.elapsed
    due = Math.max(due, guard.pauseMs)
    for (const [ledger, at] of this.committedAt) {
      if (ledger.commitMs !== null && ledger.dirty) due = Math.min(due, at + ledger.commitMs - performance.now())
    }
    return Math.max(0, due)
  }

  /** One slice of a batch, then what follows from where it ended. */
  private async step(input: Input, batch: SourceBatch<unknown>, limit: Limit | null): Promise<EpochResult | null> {
    const { session } = this
    const { catchUp } = session
    const goal = catchUp.next ?? this.until
    const halt = goal?.[input.id] ?? null
    // Most batches lie wholly below the halt: then no record's position is looked at.
    const bounded = halt !== null && input.compare(batch.next, halt) > 0 ? halt : null
    if (input.next !== undefined) this.active = true
    const slice = await session.looks.during(() => this.slicer.slice(input, batch, bounded, limit))
    for (const outlet of session.outlets) outlet.seal()
    if (slice.bad !== null) return this.finish('problem', slice.bad)
    if (slice.consumed) {
      for (const outlet of session.outlets) outlet.pin(batch.bytes ?? 0)
      input.shift(batch)
    }
    if (slice.halted && halt !== null) input.position = halt
    if (goal !== null && session.has(goal)) {
      // Behind a gap the position may be past several ledgers' at once.
      if (!catchUp.active) return this.finishAtEnd()
      const caughtUp = await this.caughtUp()
      if (caughtUp !== null) return this.finish(caughtUp)
    }
    for (const outlet of session.outlets) await outlet.relieve(session.abort.signal)
    if (!catchUp.active) await session.crowd.settle(session.abort.signal)
    return null
  }

  /** By what the epoch ends if this is as far as any ledger was, else null. */
  private async caughtUp(): Promise<EpochEnd | null> {
    const { session, timed, until } = this
    const { catchUp, positions } = session
    let isLive = catchUp.reach(positions)
    if (!isLive && catchUp.endsAt(positions)) {
      // While catching up it throws what fails: there is no problem to park with.
      if ((await timed.end()) === 'given up') throw this.notCaughtUp()
      isLive = catchUp.reach(positions, true)
    }
    if (!isLive) return null
    // The end that a ledger has seen may be that of an earlier start, which ended earlier.
    const isEnd = until !== null && session.has(until)
    return timed.ended && isEnd ? 'until' : 'caught-up'
  }

  /**
   * Records that are lost and skipped become a checkpoint by themselves, before any output behind them: an epoch that held
   * outputs of both sides could not be executed again.
   */
  private finishAtSkip(input: Input, batch: SourceBatch<unknown>): Promise<EpochResult> {
    const { session } = this
    if (this.slicer.read === 0 && batch.skipped !== undefined) {
      const { from, to } = batch.skipped
      input.skipped = batch
      input.position = to
      const lost = Number(to) - Number(from)
      this.lost += Number.isFinite(lost) ? lost : 0
      session.host.log.warn('the source lost records and skipped them', { from, to })
    }
    return this.finish('interval')
  }

  private async commitDue(): Promise<void> {
    const now = performance.now()
    const due = this.session.ledgers.filter(
      (ledger) =>
        ledger.isFull ||
        (ledger.commitMs !== null && ledger.dirty && now - (this.committedAt.get(ledger) ?? 0) >= ledger.commitMs),
    )
    if (due.length > 0) await this.commit(due)
  }

  /** Outputs and position of each ledger. */
  private async commit(ledgers: readonly Ledger[]): Promise<void> {
    const { session, input } = this
    this.commits += await commitAll(session, ledgers, {
      epoch: input.epoch,
      time: input.time,
      positions: session.positions,
      fingerprint: session.claim.fingerprint,
      timersEpoch: this.timed.started ? input.epoch : null,
      ended: this.timed.ended,
    })
    for (const ledger of ledgers) this.committedAt.set(ledger, performance.now())
  }

  /** The bounded run, or the bounded source, is at its end: what waits for event time waits no longer. */
  private async finishAtEnd(): Promise<EpochResult> {
    if (this.input.stops === true) return this.finish('drained')
    const failed = this.session.catchUp.active ? null : await this.timed.end()
    return failed === null ? this.finish('until') : this.finishUndone(failed)
  }

  /** What happens by time could not: it is for the next epoch, or for whoever mends it. */
  private finishUndone(why: Problem | 'given up'): Promise<EpochResult> {
    return why === 'given up' ? this.finish(this.session.stop ?? 'interrupted') : this.finish('problem', why)
  }

  private endByFailure(input: Input, failure: unknown): Promise<EpochResult> {
    if (this.session.catchUp.active) throw this.session.lostAgain(input, failure)
    return this.finish('problem', problemOf(failure, Date.now()))
  }

  private notCaughtUp(): NotCaughtUp {
    const { claim, positions, catchUp } = this.session
    const { pipeline, stage, partition } = claim
    const { epoch } = this.input
    return new NotCaughtUp({ pipeline, stage, partition, epoch, positions, furthest: catchUp.furthest ?? positions })
  }

  /**
   * Everything below the session's position becomes durable in every sink; then this is a checkpoint. A task that parks
   * gives its session up by that: its ledgers are left as `Session.release` would.
   */
  private async finish(ended: EpochEnd, problem?: Problem): Promise<EpochResult> {
    const { guard, keeper, abort } = this.session
    await this.settle(ended === 'problem')
    // A command takes back what was told before it.
    this.told = false
    const looking = setInterval(() => this.tellTrouble(true), LATE_LOOK_MS)
    try {
      return this.result(ended, await guard.again(abort.signal, (signal) => keeper.capture(signal)), problem)
    } finally {
      clearInterval(looking)
    }
  }

  /** Commits what is to be committed before a checkpoint. `all`: ledgers without outputs, too. */
  private async settle(all = false): Promise<void> {
    const { session } = this
    if (session.catchUp.active) throw this.notCaughtUp()
    session.time.expect(this.input.time, false)
    const { refusals } = session
    // Dead letters last: others may add to them.
    for (const emitter of session.emitters) {
      if (emitter !== refusals.outlet) await emitter.settle(session.abort.signal)
    }
    await this.commit(session.ledgers.filter((ledger) => ledger.dirty || (all && session.isBehind(ledger))))
    if (refusals.outlet instanceof Emitter) await refusals.outlet.settle(session.abort.signal)
  }

  private result(ended: EpochEnd, state: StateChange | undefined, problem?: Problem): EpochResult {
    const { session } = this
    const { refusals } = session
    const skipped = this.lost + this.badRecords.skipped + refusals.skipped
    const deadLettered = this.badRecords.deadLettered + refusals.deadLettered
    const stall = session.host.stalls.takeLongest(session.task)
    const { lag, trouble, positions } = session
    session.inTrouble = trouble !== null
    // What is refused has been offered; a letter that takes its place has not.
    const offered = session.outlets.reduce((sum, outlet) => sum + outlet.offered, 0)
    // Where a receipt was adopted, what it lists was offered to another attempt.
    const written = Math.max(0, offered - refusals.skipped)
    refusals.clear((itemId) => session.isDone(itemId, positions))
    const { watermark, late } = session.time
    return {
      epoch: this.input.epoch,
      positions,
      ledgers: session.moved,
      read: this.slicer.read,
      written,
      ...(skipped > 0 && { skipped }),
      ...(deadLettered > 0 && { deadLettered }),
      ...(late > 0 && { late }),
      lag,
      commits: this.commits,
      // What happens once, at the end of a bounded run, isn't left to another session.
      ended: session.stop === 'released' && problem === undefined && !this.timed.ended ? 'released' : ended,
      ...(this.timed.ended && ended === 'caught-up' && { closed: true }),
      ...(state !== undefined && { state }),
      ...(watermark !== null && { watermark }),
      plan: planMark(session.blueprint.fingerprint),
      ...(problem !== undefined && { problem }),
      ...(trouble !== null && { trouble: problemOf(trouble, Date.now()) }),
      ...(stall !== undefined && { blocked: { step: stall.step, ms: stall.ms } }),
    }
  }
}
