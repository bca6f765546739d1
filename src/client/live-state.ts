import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { eachOf } from '../control/each-of.js'
import { reasonOf } from '../errors/base.js'
import { CommandTimeout, InvalidCommand } from '../errors/control.js'
import type { Positions } from '../definition/position.js'
import type { LookInput, LookRequest, LookResult, StateEntry } from '../protocol/look.js'
import { QUERY } from '../protocol/messages.js'
import { LOOK_WORKFLOW, taskWorkflowId } from '../protocol/names.js'
import type { PipelineMemo } from '../protocol/messages.js'
import type { TaskState } from '../protocol/task.js'
import type { Duration, EpochMs } from '../units.js'
import { Patience } from './patience.js'
import { describePipelineRun, pipelineTasks } from './read-pipeline.js'
import { readPlan } from './read-plan.js'

export interface LiveStateOptions {
  /** Of this key only: its text, or its bytes as hexadecimal. */
  readonly key?: string
  /** Of this partition only. Default: every task that has the step is asked. */
  readonly partition?: number
  /** At most so many entries of each task. 1 to 10,000; default 100. */
  readonly limit?: number
  /** How long to wait for an answer of each task. Default 15 s. */
  readonly timeout?: Duration
}

/** What a step of one task knows at this moment. */
export interface LiveState {
  readonly stage: string
  readonly partition: number
  readonly step: string
  readonly generation: number
  /** Of the last checkpoint: this is newer, or the same. */
  readonly epoch: number
  /** Up to here it is true: every record before has been through the step, none after. Null: see `missing`. */
  readonly positions: Positions | null
  /** How far event time has come; null where there is none. */
  readonly watermark: EpochMs | null
  /** Entries that match, those that are left out too. */
  readonly count: number
  /** As JSON has them. Of one task, at most 256 KiB. */
  readonly entries: readonly StateEntry[]
  /** Less than `limit` are shown, for their size. */
  readonly cut: boolean
  /** Why nobody holds its state in memory just now, as in `it is paused`; what it knew at its last checkpoint can be read all the same. Null: somebody does, and has answered. */
  readonly missing: string | null
}

const LIMIT = 100
const MOST_ENTRIES = 10_000
const PAUSE_MS = 300
/** A question nobody has answered by then is given up by the server, too. */
const LEAST_MS = 1_000

/** Asks the workers that hold a step's state. Throws `PipelineNotFound`, `InvalidCommand` for steps and tasks there aren't, `CommandTimeout`. */
export async function liveState(
  client: Client,
  pipeline: string,
  step: string,
  { key, partition, limit = LIMIT, timeout }: LiveStateOptions,
): Promise<readonly LiveState[]> {
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ENTRIES) {
    throw new InvalidCommand({ command: 'state', pipeline, reason: `limit must be from 1 to ${MOST_ENTRIES}` })
  }
  const patience = Patience.of('state', timeout, '15s')
  const { description } = await describePipelineRun(client, pipeline)
  const stage = await stageOf(client, pipeline, step)
  const tasks = await pipelineTasks(client, 'state', pipeline, { stage, partition })
  const found: LiveState[] = []
  await eachOf(tasks, async (task) => {
    const look = { pipeline, ...place(task), step, limit, ...(key !== undefined && { key }) }
    found.push(await new Asking(client, description.taskQueue, look, patience).answer())
  })
  return found.toSorted((a, b) => a.partition - b.partition)
}

const place = ({ stage, partition }: PipelineMemo['tasks'][number]) => ({ stage, partition })

async function stageOf(client: Client, pipeline: string, step: string): Promise<string> {
  const plan = await readPlan(client, pipeline)
  if (plan === null) throw new InvalidCommand({ command: 'state', pipeline, reason: 'no worker has planned it yet' })
  const stage = plan.stages.find(({ steps }) => steps.some(({ id }) => id === step))
  if (stage !== undefined) return stage.id
  const known = plan.stages.flatMap(({ steps }) => steps.map(({ id }) => id)).join(', ')
  throw new InvalidCommand({ command: 'state', pipeline, reason: `there is no step '${step}'; it has ${known}` })
}

/** One task: whoever has its session, as soon as somebody does. */
class Asking {
  private readonly client: Client
  private readonly taskQueue: string
  private readonly look: LookInput
  private readonly patience: Patience

  constructor(client: Client, taskQueue: string, look: LookInput, patience: Patience) {
    this.client = client
    this.taskQueue = taskQueue
    this.look = look
    this.patience = patience
  }

  async answer(): Promise<LiveState> {
    for (;;) {
      const state = await this.task()
      const missing = state === null ? 'no worker answers' : standing(state)
      if (missing !== null) return this.nothing(state, missing)
      const queue = state?.session?.queue
      const answer = queue === undefined ? null : await this.ask(queue)
      if (answer !== null) {
        const { stage, partition, step } = this.look
        return { stage, partition, step, ...answer, cut: answer.cut === true, missing: null }
      }
      // Between two claims, or its worker has just gone.
      if (Date.now() + PAUSE_MS >= this.patience.deadline) return this.nothing(state, 'no worker has claimed it')
      await sleep(PAUSE_MS)
    }
  }

  private nothing(state: TaskState | null, missing: string): LiveState {
    const { stage, partition, step } = this.look
    const { generation = 0, checkpoint } = state ?? {}
    const known = { stage, partition, step, generation, epoch: checkpoint?.epoch ?? 0 }
    return { ...known, positions: null, watermark: null, count: 0, entries: [], cut: false, missing }
  }

  /** Null where no worker answers in time. */
  private async task(): Promise<TaskState | null> {
    const { pipeline, stage, partition } = this.look
    const handle = this.client.workflow.getHandle(taskWorkflowId(pipeline, stage, partition))
    try {
      return await this.client.withDeadline(this.patience.deadline, () => handle.query<TaskState>(QUERY.task))
    } catch {
      return null
    }
  }

  /** Null: the session isn't there any more. */
  private async ask(queue: string): Promise<LookResult | null> {
    const { pipeline, stage, partition } = this.look
    const request: LookRequest = { queue, look: this.look }
    try {
      return (await this.client.workflow.execute(LOOK_WORKFLOW, {
        workflowId: `${taskWorkflowId(pipeline, stage, partition)}/look/${randomUUID()}`,
        taskQueue: this.taskQueue,
        args: [request],
        workflowExecutionTimeout: Math.max(LEAST_MS, this.patience.deadline - Date.now()),
        staticSummary: `state of ${this.look.step}`,
      })) as LookResult
    } catch (error) {
      const cause = error instanceof WorkflowFailedError ? error.cause : error
      if (!(error instanceof WorkflowFailedError)) throw error
      if (!(cause instanceof ApplicationFailure)) throw this.late(error)
      if (cause.type === 'SessionLost') return null
      if (cause.type !== 'InvalidCommand') throw cause
      const [details] = cause.details ?? []
      const { reason } = { reason: reasonOf(cause), ...(details as { readonly reason?: string } | undefined) }
      throw new InvalidCommand({ command: 'state', pipeline, reason }, error)
    }
  }

  private late(cause: unknown): CommandTimeout {
    const { pipeline, stage, partition } = this.look
    const { timeoutMs } = this.patience
    const waitingFor = [`${stage}/${partition}`]
    return new CommandTimeout({ command: 'state', pipeline, timeoutMs, accepted: false, waitingFor }, cause)
  }
}

/** Why a task has no session and gets none by itself; null: it has, or will. */
function standing({ phase, paused, problem }: TaskState): string | null {
  if (phase === 'running') return null
  if (phase === 'paused') return `it is paused: ${paused?.reason ?? ''}`
  if (phase === 'parked') return `it is parked: ${problem?.code ?? ''}`
  return `it is ${phase}`
}
