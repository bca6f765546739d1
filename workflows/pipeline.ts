import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowCancellationType,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import { MEMO, type TaskControl } from '../src/protocol/messages.js'
import { ACTIVITY, TASK_WORKFLOW, taskWorkflowId } from '../src/protocol/names.js'
import type { PipelineCommand, PipelineInput, PipelineState, TaskEntry } from '../src/protocol/pipeline.js'
import type { Counters } from '../src/protocol/checkpoint.js'
import type { TaskReport, TaskState } from '../src/protocol/task.js'
import { control, controlOnce } from './activities.js'
import { asWorkflowFailure, failureOf, problemFrom } from './failure.js'
import { commandUpdate, controlSignal, pipelineQuery, reportSignal } from './messages.js'
import { pipelineDetails, pipelineMemo } from './pipeline-details.js'
import {
  absorb,
  command,
  isSame,
  isStuck,
  outcomeOf,
  refreshed,
  refusalOf,
  withStopped,
  withTask,
} from './pipeline-state.js'
import { failureOfTasks, totals } from './pipeline-outcome.js'
import { nextRun } from './next-run.js'
import { channelOf, planTasks, takeOverTasks } from './plan-tasks.js'
import { shouldRun } from './task-control.js'
import { endOf, stageToEnd, waits, withEnd, withEnds, wordOf } from './stage-ends.js'
import type { tidemarkTask } from './task.js'

/** A task's decisions take milliseconds, and at worst a replay of its history. */
const DECISION_MS = 5_000

/** What a pipeline that has ended by itself returns. */
export interface PipelineResult {
  readonly pipeline: string
  readonly state: 'completed'
  readonly counters: Counters
}

/** Starts one task per partition and stage, looks after them, passes commands on. Holds no position: tasks do. */
export async function tidemarkPipeline(input: PipelineInput | PipelineState): Promise<PipelineResult> {
  return await new PipelineRun(input).run()
}

class PipelineRun {
  private readonly input: PipelineInput | PipelineState
  private state: PipelineState | null
  private readonly commands: PipelineCommand[] = []
  private readonly reports: TaskReport[] = []
  private discoveryDue = false
  private discovering = false
  /** A look has ended: what it has found is to be told. */
  private looked = false
  /** A stage's end is being found out. */
  private ending = false
  private starting: CancellationScope | undefined
  /** Tasks whose workflow is just being started, by workflow id: what they are told has to wait for that. */
  private readonly starts = new Map<string, Promise<unknown>>()
  private told = ''

  constructor(input: PipelineInput | PipelineState) {
    this.input = input
    // Whatever a person wrote as input is looked at by an activity, whatever it looks like; only our own state is known here.
    const continued = workflowInfo().continuedFromExecutionRunId !== undefined
    this.state = continued && typeof input === 'object' && input !== null && 'version' in input ? input : null
    this.commands.push(...(this.state?.commands ?? []))
    setHandler(reportSignal, (report) => void this.reports.push(report))
    setHandler(pipelineQuery, () => {
      if (this.state === null) throw new Error('the pipeline is being planned: no worker has described it yet')
      return this.state
    })
    const accept = (given: PipelineCommand): { readonly accepted: true } => {
      this.commands.push(given)
      return { accepted: true }
    }
    setHandler(commandUpdate, accept, {
      validator: (given) => {
        const refusal = refusalOf(this.state, given)
        if (refusal !== null) throw ApplicationFailure.nonRetryable(refusal, 'InvalidCommand')
      },
    })
    CancellationScope.current().cancelRequested.catch(() => {
      this.commands.push({
        kind: 'cancel',
        partition: null,
        stage: null,
        reason: 'workflow cancelled',
        acceptCodeChange: false,
      })
      this.starting?.cancel()
    })
  }

  run(): Promise<PipelineResult> {
    return CancellationScope.nonCancellable(async () => {
      const state = this.state ?? (await this.start())
      return await this.look(state)
    })
  }

  /** Plans, takes over from an older start, and starts the tasks. What can't be mended by trying again ends the run. */
  private async start(): Promise<PipelineState> {
    const scope = new CancellationScope({ cancellable: true })
    this.starting = scope
    try {
      const { state, found } = await scope.run(() => planTasks(this.input))
      this.state = state
      this.starting = undefined
      const { incarnation } = state
      await Promise.all(found.map((task) => this.startTask({ ...task, incarnation })))
      return this.known()
    } catch (error) {
      if (isCancellation(error)) throw new CancelledFailure('the pipeline was cancelled before its tasks were started')
      throw asWorkflowFailure(error)
    }
  }

  private async startTask(task: TaskState): Promise<void> {
    const { state } = this
    // Whoever ends it has told the tasks that there were.
    if (state === null || state.phase === 'draining' || state.phase === 'cancelled') return
    // One that had vanished stays paused if it was, by itself or with all.
    const paused = state.paused ?? state.tasks.find((other) => isSame(other, task))?.paused ?? null
    const ended = { ...task, until: withEnd(task.until, endOf(state, task)) }
    // Told before it is begun, it goes no further than what an older run left unfinished.
    const isDrain = ({ kind, aligned }: PipelineCommand): boolean => kind === 'drain' && aligned !== true
    const ending = this.commands.some(isDrain) ? 'drained' : ended.ending
    const begun: TaskState = paused === null ? { ...ended, ending } : { ...ended, phase: 'paused', paused, ending }
    this.state = withTask(state, begun, Date.now())
    const workflowId = taskWorkflowId(task.pipeline, task.stage, task.partition)
    const started = startChild<typeof tidemarkTask>(TASK_WORKFLOW, {
      workflowId,
      taskQueue: state.plan.settings.taskQueue,
      args: [begun],
      // What a worker dies with, or stands still with, in its hand is lost for that long. The server's default is 10 s.
      workflowTaskTimeout: DECISION_MS,
      // Tasks outlive this run: it continues as new, and they are addressed by id.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      staticSummary: `${task.pipeline}: stage ${task.stage}, partition ${task.partition}`,
      ...(state.plan.searchAttributes && {
        searchAttributes: { TidemarkPipeline: [task.pipeline], TidemarkState: [begun.phase] },
      }),
    })
    this.starts.set(workflowId, started)
    try {
      await started
    } finally {
      this.starts.delete(workflowId)
    }
  }

  private async look(begun: PipelineState): Promise<PipelineResult> {
    this.state = begun
    this.armDiscovery()
    for (;;) {
      const state = await this.passOn()
      this.tell(state)
      const outcome = outcomeOf(state)
      if (outcome !== null) return this.end(state, outcome)
      if (isStuck(state)) await this.stopParked(state)
      const due = this.ending ? null : stageToEnd(state)
      if (due !== null) this.endBeside(state, due)
      if (this.discoveryDue) this.discoverBeside(state)
      const info = workflowInfo()
      const full = info.continueAsNewSuggested || info.historyLength >= state.plan.settings.maxHistoryEvents
      // A cancelled run has to end in the run that was cancelled.
      if (
        (full || info.targetWorkerDeploymentVersionChanged) &&
        state.phase !== 'cancelled' &&
        !this.discovering &&
        !this.ending
      ) {
        await condition(allHandlersFinished)
        // Nothing is awaited between building this and the call: what has come in by now is in it.
        await nextRun<typeof tidemarkPipeline>()({ ...this.absorbAll(), commands: [...this.commands] })
      }
      this.looked = false
      await condition(() => this.commands.length > 0 || this.reports.length > 0 || this.discoveryDue || this.looked)
    }
  }

  /** Commands don't wait for it: a source that can't be reached, or a worker that is lost, may keep it for a minute. */
  private discoverBeside(state: PipelineState): void {
    this.discoveryDue = false
    this.discovering = true
    const ended = (): void => {
      this.discovering = false
      this.looked = true
    }
    this.discover(state).then(ended, ended)
  }

  /** All that a stage of a bounded run, or of a drain, reads is written: its tasks are told where that ends. */
  private endBeside(begun: PipelineState, stage: string): void {
    const { plan, tasks } = begun
    const { pipeline } = plan
    this.ending = true
    const ended = (): void => {
      this.ending = false
      this.looked = true
    }
    const running = tasks.filter((task) => task.stage === stage && shouldRun(task)).map(({ partition }) => partition)
    // As many as there are tasks: what was added to a source meanwhile is no reason not to end.
    const whole = begun.stops !== undefined
    const asked = { pipeline, stage, count: false, running, ends: true, whole, ...channelOf(begun) }
    const told = control[ACTIVITY.discoverPartitions](asked).then(async ({ ends = [] }) => {
      const state = (this.state = withEnds(this.absorbAll(), stage, ends))
      const word = wordOf(state)
      for (const task of state.tasks.filter((one) => one.stage === stage)) {
        const until = endOf(state, task)
        if (until !== null) await this.tellTasks([task], { ...word, until })
      }
    })
    told.then(ended, (error: unknown) => {
      // As what a look for partitions fails with: tried again when the next one is due.
      const state = { ...this.known(), problem: problemFrom(failureOf(error), Date.now()) }
      this.state = state
      this.looked = true
      void sleep(state.plan.discoveryMs).then(ended, ended)
    })
  }

  private absorbAll(): PipelineState {
    let state = this.known()
    for (const report of this.reports.splice(0)) state = absorb(state, report, Date.now())
    this.state = state
    return state
  }

  /** Takes in what tasks have told, and passes on what has been commanded. */
  private async passOn(): Promise<PipelineState> {
    let state = this.absorbAll()
    for (let given = this.commands.shift(); given !== undefined; given = this.commands.shift()) {
      const outcome = command(state, given, Date.now())
      this.state = outcome.state
      await this.tellTasks(outcome.tell, outcome.control)
      state = this.absorbAll()
    }
    return state
  }

  private async tellTasks(tasks: readonly TaskEntry[], word: TaskControl): Promise<void> {
    const { pipeline } = this.known().plan
    // One that has ended meanwhile can't be told, and needn't be; its own report says how it ended.
    const told = tasks.map(async ({ stage, partition }) => {
      const workflowId = taskWorkflowId(pipeline, stage, partition)
      try {
        await this.starts.get(workflowId)
        await getExternalWorkflowHandle(workflowId).signal(controlSignal, word)
      } catch {
        // It has ended, or could not be started.
      }
    })
    await Promise.all(told)
  }

  private async stopParked(state: PipelineState): Promise<void> {
    const parked = state.tasks.filter((task) => task.phase === 'parked' && !waits(state, task.stage))
    const { incarnation } = state
    await this.tellTasks(parked, {
      kind: 'stop',
      reason: 'the bounded run is over',
      acceptCodeChange: false,
      incarnation,
    })
    await condition(() => this.reports.length > 0 || this.commands.length > 0)
  }

  private armDiscovery(): void {
    this.discoveryDue = false
    const due = (): void => {
      this.discoveryDue = true
    }
    void sleep(this.known().plan.discoveryMs).then(due, due)
  }

  /** New partitions get tasks; tasks that have vanished are started again from their history. */
  private async discover(begun: PipelineState): Promise<void> {
    const { plan, phase } = begun
    try {
      for (const stage of plan.stages) {
        const all = this.known().tasks.filter((task) => task.stage === stage.id)
        const running = all.filter(shouldRun).map((t) => t.partition)
        const ending = phase === 'draining' || phase === 'cancelled'
        const asked = { pipeline: plan.pipeline, stage: stage.id, count: !ending, running, ...channelOf(begun) }
        const found = await controlOnce[ACTIVITY.discoverPartitions](asked)
        this.state = refreshed(this.absorbAll(), stage.id, found.progress)
        if (ending) {
          this.state = withStopped(this.state, stage.id, found.gone)
          continue
        }
        const { state } = this
        const known = new Set(all.map((task) => task.partition))
        // A bounded run ends at what was there when it began.
        const bounded = plan.input.until !== null
        const added = bounded ? [] : Array.from({ length: found.partitions }, (_, p) => p).filter((p) => !known.has(p))
        const gone = found.gone.filter((p) =>
          state.tasks.some((t) => t.stage === stage.id && t.partition === p && shouldRun(t)),
        )
        for (const task of await takeOverTasks(state, stage.id, [...added, ...gone], true, controlOnce)) {
          await this.startTask({ ...task, incarnation: state.incarnation })
        }
      }
      this.state = { ...this.known(), problem: null }
    } catch (error) {
      // What runs goes on; the next look may find it mended.
      this.state = { ...this.known(), problem: problemFrom(failureOf(error), Date.now()) }
    }
    this.armDiscovery()
  }

  private tell(state: PipelineState): void {
    setCurrentDetails(pipelineDetails(state))
    const memo = pipelineMemo(state)
    const now = JSON.stringify(memo)
    if (now === this.told) return
    this.told = now
    upsertMemo({ [MEMO.pipeline]: memo })
    if (state.plan.searchAttributes) {
      upsertSearchAttributes({ TidemarkPipeline: [state.plan.pipeline], TidemarkState: [state.phase] })
    }
  }

  private end(state: PipelineState, outcome: 'completed' | 'failed' | 'cancelled'): PipelineResult {
    const { pipeline } = state.plan
    this.state = { ...state, phase: outcome }
    this.tell(this.state)
    if (outcome === 'cancelled')
      throw new CancelledFailure(`pipeline ${pipeline} was cancelled; a start goes on from the last checkpoint`)
    if (outcome === 'failed') throw failureOfTasks(state)
    return { pipeline, state: 'completed', counters: totals(state.tasks) }
  }

  private known(): PipelineState {
    if (this.state === null) throw new Error('the pipeline has no state before its start')
    return this.state
  }
}
