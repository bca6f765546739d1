import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import { type EpochInput, type EpochResult, ownerOf, recordClaim, recordEpoch } from '../src/protocol/epoch.js'
import { MEMO, type TaskControl, type TaskMemo } from '../src/protocol/messages.js'
import { ACTIVITY, pipelineWorkflowId } from '../src/protocol/names.js'
import type { TaskState } from '../src/protocol/task.js'
import { claimMs, claimWith, epochOn, sessionOn } from './activities.js'
import { type Failure, failureOf, fencedBy, problemFrom } from './failure.js'
import { controlSignal, reportSignal, taskQuery } from './messages.js'
import { nextRun } from './next-run.js'
import { hasEnded, mayEnd, obey, park, wantsPause } from './task-control.js'
import { epochSummary, reportOf, taskDetails, withoutState } from './task-details.js'

/** Fenced so often by runs it doesn't know, a task shares its ledger with another installation (PROTOCOL §2.2). */
const FOREIGN_FENCES = 3
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 30_000
/** A task that stands still looks that often whether its pipeline is still there. */
const STANDING_CHECK_MS = 3_600_000
/** Receipts in Kafka expire a week after the last commit, by default: a quarter of that, in looks. */
const LOOKS_TO_REFRESH = 42
/** Runs of before these looks did more than tell the pipeline go on as they were. */
const STANDING_PATCH = 'standing-tasks-are-looked-after'
/** Failures in a row; with the pauses between them that is once in five minutes. */
const TOLD_AGAIN_AFTER = 10
const LONGEST_SILENCE_MS = 600_000
/** A session's first checkpoint comes early: sinks that commit with it would hold back for long what a lost session held. */
const FIRST_EPOCH_MS = 500

/** One stage on one partition: claim → epoch → epoch → … Its history is the task's checkpoint log. */
export async function tidemarkTask(input: TaskState): Promise<TaskState> {
  const task = new TaskRun(input)
  return await task.run()
}

class TaskRun {
  private state: TaskState
  private readonly inbox: TaskControl[] = []
  private failures = 0
  /** Heartbeats missed in a row. */
  private silences = 0
  /** Since the claim there has been no checkpoint beyond what had to be caught up with. */
  private fresh = false
  private readBefore: number | null = null
  /** Looks since the task's receipts were refreshed. */
  private looks = 0
  /** What was told last; null: look what the run before this one has told. */
  private told: string | null = null

  constructor(state: TaskState) {
    this.state = state
    setHandler(controlSignal, (control) => void this.inbox.push(control))
    setHandler(taskQuery, () => withoutState(this.state))
    CancellationScope.current().cancelRequested.catch(() => {
      const { incarnation } = this.state
      this.inbox.push({ kind: 'cancel', reason: 'workflow cancelled', acceptCodeChange: false, incarnation })
    })
  }

  /** Cancellation is a command like others: what is under way ends by itself, and its result counts (PROTOCOL §7). */
  run(): Promise<TaskState> {
    return CancellationScope.nonCancellable(() => this.loop())
  }

  private async loop(): Promise<TaskState> {
    for (;;) {
      this.obeyAll()
      if (mayEnd(this.state)) this.state = { ...this.state, phase: this.state.ending ?? 'stopped', ending: null }
      if (this.state.phase !== 'running' && this.state.ending === null) await this.release()
      await this.tell()
      if (hasEnded(this.state.phase)) return this.state
      if (this.inbox.length > 0) continue
      if (this.state.phase !== 'running' && this.state.ending === null) await this.stand()
      else if (this.shouldContinueAsNew()) await nextRun<typeof tidemarkTask>()(this.state)
      else if (this.state.session === null) await this.claim()
      else await this.epoch()
    }
  }

  private obeyAll(): void {
    for (const control of this.inbox.splice(0)) this.state = obey(this.state, control, Date.now())
  }

  private async stand(): Promise<void> {
    if (this.looks > 0 && this.shouldContinueAsNew()) await nextRun<typeof tidemarkTask>()(this.state)
    const called = await condition(() => this.inbox.length > 0, STANDING_CHECK_MS)
    if (called) return
    this.told = ''
    if (patched(STANDING_PATCH) && ++this.looks >= LOOKS_TO_REFRESH) await this.refresh()
  }

  /** With an epoch under way, only its receipt says how far that got: it is committed again before it expires (PROTOCOL §5). */
  private async refresh(): Promise<void> {
    this.looks = 1
    if (this.state.scheduled === null) return
    try {
      await this.takeSession()
    } catch {
      // Whoever resumes it will see. What opened has been refreshed; the rest has more tries before it expires.
    }
  }

  private async claim(): Promise<void> {
    try {
      await this.takeSession()
    } catch (error) {
      if (!isCancellation(error)) await this.failed(failureOf(error))
    }
  }

  private async takeSession(): Promise<void> {
    const { runId, originalExecutionRunId } = workflowInfo()
    this.state = { ...this.state, claim: this.state.claim + 1, ownerRunId: runId }
    const {
      pipeline,
      stage,
      partition,
      origin,
      checkpoint,
      scheduled,
      acceptCodeChange,
      settings,
      allowNonRestoredState,
      channel,
    } = this.state
    const { heartbeatMs } = settings
    const scope = new CancellationScope({ cancellable: true })
    const claiming = scope.run(() =>
      claimWith(
        settings.taskQueue,
        { lengthMs: claimMs(checkpoint.state), heartbeatMs },
        `claim ${this.state.claim}`,
      )({
        pipeline,
        stage,
        partition,
        owner: ownerOf(this.state, runId),
        origin,
        checkpoint,
        scheduled,
        acceptCodeChange,
        ...(allowNonRestoredState !== undefined && { allowNonRestoredState }),
        isReset: originalExecutionRunId !== runId,
        ...(channel !== undefined && { channel }),
        heartbeatMs,
      }),
    )
    const settled = this.untilSettled(claiming, async () => {
      if (wantsPause(this.state) && this.state.ending !== 'drained') scope.cancel()
    })
    await settled
    this.state = recordClaim(this.state, await claiming)
    this.fresh = true
  }

  private async epoch(): Promise<void> {
    const { checkpoint, session, settings, pipeline, stage, partition, ownerRunId } = this.state
    if (session === null || ownerRunId === null) return
    const drawn = { epoch: checkpoint.epoch + 1, time: Date.now(), seed: Math.random().toString(36).slice(2, 10) }
    const scheduled = this.state.scheduled ?? drawn
    this.state = { ...this.state, scheduled }
    const owner = ownerOf(this.state, ownerRunId)
    const { idleMs } = settings
    const checkpointMs = this.fresh ? Math.min(settings.checkpointMs, FIRST_EPOCH_MS) : settings.checkpointMs
    const heartbeatMs = this.heartbeatMs
    const input: EpochInput = {
      pipeline,
      stage,
      partition,
      owner,
      ...scheduled,
      positions: checkpoint.positions,
      until: this.state.until,
      ...(this.state.stops === true && { stops: true as const }),
      counters: this.state.counters,
      checkpointMs,
      idleMs,
      heartbeatMs,
    }
    const times = { lengthMs: Math.max(checkpointMs, idleMs), heartbeatMs, guarded: session.guarded === true }
    const running = epochOn(session.queue, times, epochSummary(this.state, scheduled.epoch, this.readBefore))(input)
    let interrupted = false
    const settled = this.untilSettled(running, async () => {
      // An end that was told meanwhile holds from the next epoch on.
      if (interrupted || !(wantsPause(this.state) || this.state.until !== input.until)) return
      interrupted = true
      // The worker may be gone: then the epoch itself fails, and says so.
      const word = { pipeline, stage, partition, owner, epoch: scheduled.epoch }
      const { [ACTIVITY.interrupt]: interrupt } = sessionOn(session.queue)
      await interrupt(word).catch(() => undefined)
    })
    try {
      await settled
      this.record(await running)
    } catch (error) {
      this.state = { ...this.state, session: null }
      await this.failed(failureOf(error))
    }
  }

  /**
   * A step that blocks its worker keeps it from beating as well. One known to do so gets twice the time it took, and an
   * epoch that went silent gets twice the time at every further try: the same epoch must not be lost for ever.
   */
  private get heartbeatMs(): number {
    const { settings, blocked } = this.state
    const known = Math.max(settings.heartbeatMs, 2 * (blocked?.ms ?? 0))
    // The first silence is most often a worker that died.
    return Math.min(known * 2 ** Math.max(0, this.silences - 1), LONGEST_SILENCE_MS)
  }

  private record(result: EpochResult): void {
    this.failures = 0
    this.silences = 0
    this.readBefore = result.read
    if (result.ended !== 'caught-up') this.fresh = false
    this.state = recordEpoch(this.state, result)
    if (result.problem !== undefined) this.state = park(this.state, result.problem)
    else if (result.ended === 'until') this.state = { ...this.state, phase: 'completed', ending: null }
    else if (result.ended === 'drained') this.state = { ...this.state, phase: 'drained', ending: null }
    else if (result.ended === 'orphaned') this.state = { ...this.state, ending: 'stopped' }
  }

  /** Waits for `work`; obeys what comes in meanwhile, and lets `react` act on it. Rejections stay with `work`. */
  private async untilSettled(work: Promise<unknown>, react: () => Promise<void>): Promise<void> {
    let settled = false
    const done = (): void => {
      settled = true
    }
    work.then(done, done)
    for (;;) {
      await condition(() => settled || this.inbox.length > 0)
      if (settled) return
      const troubled = this.inbox.some(({ kind }) => kind === 'trouble')
      this.obeyAll()
      if (troubled) await this.tell()
      await react()
    }
  }

  /** Retryable: pause a little and claim again. Fenced: claim above, if that is ours to do. Else park. */
  private async failed(failure: Failure): Promise<void> {
    this.failures++
    if (failure.silent) this.silences++
    if (failure.code === 'GenerationFenced') this.state = this.fenced(failure)
    else if (!failure.retryable) this.state = park(this.state, problemFrom(failure, Date.now()))
    else if (this.failures > 1 || failure.code === 'CheckpointsFailed')
      this.state = { ...this.state, trouble: problemFrom(failure, Date.now()) }
    // Whoever only fails tells nothing new, and would not notice that its pipeline is gone.
    if (this.failures % TOLD_AGAIN_AFTER === 0) this.told = ''
    if (this.state.phase === 'parked' || this.failures < 2) return
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.failures - 2), LONGEST_PAUSE_MS)
    await condition(() => this.inbox.length > 0, pause)
  }

  /** PROTOCOL §2.2: this workflow finds the failure in its own history, so it is live; only the activity was stale. */
  private fenced(failure: Failure): TaskState {
    const { state } = this
    const holder = fencedBy(failure)
    const { runId, firstExecutionRunId } = workflowInfo()
    const own = holder !== null && [runId, firstExecutionRunId, state.ownerRunId].includes(holder.runId)
    const fencedByOthers = state.fencedByOthers + (own ? 0 : 1)
    const higher =
      holder !== null &&
      (holder.generation > state.generation ||
        (holder.generation === state.generation && holder.incarnation > state.incarnation))
    const claim = Math.max(state.claim, higher ? 0 : (holder?.claim ?? 0))
    const next = { ...state, session: null, fencedByOthers, claim }
    const at = Date.now()
    if (higher) return park(next, problemFrom({ ...failure, code: 'LedgerAhead' }, at))
    if (fencedByOthers >= FOREIGN_FENCES) return park(next, problemFrom({ ...failure, code: 'ForeignOwner' }, at))
    return next
  }

  private async release(): Promise<void> {
    const { session, pipeline, stage, partition, ownerRunId, checkpoint } = this.state
    if (session === null || ownerRunId === null) return
    this.state = { ...this.state, session: null }
    const owner = ownerOf(this.state, ownerRunId)
    // A worker that is gone has released it already.
    const word = { pipeline, stage, partition, owner, epoch: checkpoint.epoch }
    const { [ACTIVITY.release]: release } = sessionOn(session.queue)
    await release(word).catch(() => undefined)
  }

  /** Tells pipeline, memo and Web UI what has changed; nothing periodic but the details, which cost no event. */
  private async tell(): Promise<void> {
    const { state } = this
    setCurrentDetails(taskDetails(state))
    const { phase, paused, problem, trouble, generation, incarnation } = state
    const worker = state.session?.worker ?? null
    const now = JSON.stringify([phase, paused, problem, troubleText(trouble), worker])
    if (now === (this.told ??= toldBefore())) return
    this.told = now
    const memo: TaskMemo = { phase, generation, incarnation, worker, paused, problem, trouble, since: Date.now() }
    upsertMemo({ [MEMO.task]: memo })
    if (workflowInfo().typedSearchAttributes.getAll().length > 0) upsertSearchAttributes({ TidemarkState: [phase] })
    try {
      await getExternalWorkflowHandle(pipelineWorkflowId(state.pipeline)).signal(reportSignal, reportOf(state))
    } catch {
      // The pipeline's run is gone: nobody looks after this task any more.
      if (!hasEnded(state.phase)) this.state = { ...this.state, ending: 'stopped' }
    }
  }

  private shouldContinueAsNew(): boolean {
    const info = workflowInfo()
    return (
      info.continueAsNewSuggested ||
      info.targetWorkerDeploymentVersionChanged ||
      info.historyLength >= this.state.settings.maxHistoryEvents
    )
  }
}

/** A run that continues another inherits its memo: what that says needn't be told again. */
function toldBefore(): string {
  const { memo, continuedFromExecutionRunId } = workflowInfo()
  const before = memo?.[MEMO.task] as TaskMemo | undefined
  if (before === undefined || continuedFromExecutionRunId === undefined) return ''
  return JSON.stringify([before.phase, before.paused, before.problem, troubleText(before.trouble), before.worker])
}

/** Failed checkpoints are told one by one. */
function troubleText(trouble: TaskState['trouble']): string | null {
  if (trouble?.code !== 'CheckpointsFailed') return trouble?.code ?? null
  return `${trouble.code} ${String(trouble.details['failed'])}`
}
