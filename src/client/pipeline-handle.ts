import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client'
import { z } from 'zod'
import type { PipelineResult } from '../../workflows/pipeline.js'
import { CommandTimeout, InvalidCommand, PipelineNotFound } from '../errors/control.js'
import { isTidemarkError } from '../errors/is.js'
import { pipelineWorkflowId } from '../protocol/names.js'
import type { PipelineCommand } from '../protocol/pipeline.js'
import type { Duration } from '../units.js'
import { notEnded, notPaused } from './await-end.js'
import { type CheckpointInfo, type CheckpointsOptions, listCheckpoints } from './checkpoints.js'
import { give, notRunning } from './commands.js'
import { type LiveState, type LiveStateOptions, liveState } from './live-state.js'
import { Patience } from './patience.js'
import { readPipeline } from './read-pipeline.js'
import {
  createSavepoint,
  deleteSavepoint,
  listSavepoints,
  type SavepointInfo,
  type SavepointOptions,
} from './savepoints.js'
import type { PipelineStatus } from './status.js'

/** Some tasks instead of all: those of a stage, of a partition, or both. */
export interface Which {
  readonly stage?: string
  readonly partition?: number
}

export interface PauseOptions extends Which {
  /** Kept in history, shown in status and Web UI. */
  readonly reason: string
  /** How long to wait until every task stands still. Default 60 s. */
  readonly timeout?: Duration
}

export interface ResumeOptions extends Which {
  /** Kept in history. */
  readonly reason?: string
  /** Go on although changed code gives other outputs than an unfinished epoch did: see `CodeChanged`. Default false. */
  readonly acceptCodeChange?: boolean
  /** How long to wait until the pipeline has accepted it. Default 60 s. */
  readonly timeout?: Duration
}

export interface EndOptions {
  /** How long to wait for the end. Default 10 minutes. */
  readonly timeout?: Duration
}

/**
 * One pipeline, by name. All methods but `status`, `checkpoints`, `state`, `result` and those for savepoints throw `PipelineNotFound`
 * where it isn't running, and `CommandTimeout` where what they ask for has not happened in time; the command then holds if the error says so.
 */
export interface PipelineHandle {
  readonly name: string
  readonly workflowId: string
  /** Told also while no worker is up, and after the end. Throws `PipelineNotFound`. */
  status(): Promise<PipelineStatus>
  /**
   * Every checkpoint that workflow history still has, task by task, the newest first; across continue-as-new, starts and
   * generations. A page is one workflow run: its history is read when the loop comes to it, so `break` spares the rest.
   * Needs no worker. Throws `PipelineNotFound`, and `InvalidCommand` for tasks there aren't.
   */
  checkpoints(options?: CheckpointsOptions): AsyncIterable<CheckpointInfo>
  /**
   * What a step knows at this moment, task by task: asked of the workers that have it in memory, between two records. Each says
   * up to which positions it is true; a task that nobody holds just now is `missing`. Throws `PipelineNotFound`,
   * `InvalidCommand` for steps and tasks there aren't, `CommandTimeout`.
   */
  state(step: string, options?: LiveStateOptions): Promise<readonly LiveState[]>
  /** Resolves when every task it is for stands still. Throws `InvalidCommand` for tasks there aren't. */
  pause(options: PauseOptions): Promise<void>
  /** Also tries parked tasks again. Resolves when the pipeline has accepted it. */
  resume(options?: ResumeOptions): Promise<void>
  /** Finishes and checkpoints what was read, then completes. Resolves at the end; throws as `result` if it ends as failed. */
  drain(options?: EndOptions): Promise<void>
  /** Ends at the next checkpoint; a start goes on from there. Resolves at the end, however it came. */
  cancel(options?: EndOptions): Promise<void>
  /**
   * Keeps the newest checkpoint of every task under a label, state included, until it is deleted: resolves when it is whole. A
   * pipeline of several stages has to be stopped for it (`stop`), each stage behind all that the one before has written.
   * Throws `SavepointExists`, `NotAligned`, `InvalidCommand`, `PipelineNotFound`.
   */
  savepoint(label: string, options?: SavepointOptions): Promise<SavepointInfo>
  /** Those of this pipeline, by label, as visibility has them: a second or so behind. Needs no worker. */
  savepoints(): AsyncIterable<SavepointInfo>
  /** Deletes a savepoint, the copies of its state too. Throws `SavepointNotFound`. */
  deleteSavepoint(label: string, options?: EndOptions): Promise<void>
  /** Waits for the end, as long as it takes. Throws the pipeline's failure: see `isTidemarkError`. */
  result(): Promise<PipelineResult>
}

/** What a start returns. */
export interface StartedPipeline extends PipelineHandle {
  /** The workflow run that was started, or was running. */
  readonly runId: string
  /** False: it was running already, and `ifNotRunning` was given. */
  readonly started: boolean
}

const which = {
  partition: z.number('must be a number').int().nonnegative().optional(),
  stage: z.string('must be a name').min(1, 'must not be empty').optional(),
}
const timeout = z.unknown().optional()
const pauseSchema = z.strictObject({
  ...which,
  reason: z.string('must be a text').trim().min(1, 'must not be empty: it is kept in history'),
  timeout,
})
const resumeSchema = z.strictObject({
  ...which,
  reason: z.string('must be a text').optional(),
  acceptCodeChange: z.boolean('must be true or false').optional(),
  timeout,
})

export class ClientHandle implements PipelineHandle {
  readonly name: string
  readonly workflowId: string
  private readonly client: Client
  private readonly chain: string | undefined

  /** `runId`: of the run whose result counts; undefined: the newest. */
  constructor(client: Client, name: string, runId?: string) {
    this.client = client
    this.name = name
    this.workflowId = pipelineWorkflowId(name)
    this.chain = runId
  }

  status(): Promise<PipelineStatus> {
    return readPipeline(this.client, this.name)
  }

  checkpoints(options: CheckpointsOptions = {}): AsyncIterable<CheckpointInfo> {
    return listCheckpoints(this.client, this.name, options)
  }

  state(step: string, options: LiveStateOptions = {}): Promise<readonly LiveState[]> {
    return liveState(this.client, this.name, step, options)
  }

  async pause(options: PauseOptions): Promise<void> {
    const { stage, partition, reason } = this.checked('pause', pauseSchema, options)
    const patience = Patience.of('pause', options.timeout, '60s')
    await give(this.client, this.name, commandOf('pause', reason, { stage, partition }), patience)
    const only = { ...(stage !== undefined && { stage }), ...(partition !== undefined && { partition }) }
    await this.done('pause', patience, () => notPaused(this.client, this.name, only))
  }

  async resume(options: ResumeOptions = {}): Promise<void> {
    const { stage, partition, reason, acceptCodeChange } = this.checked('resume', resumeSchema, options)
    const command = commandOf('resume', reason ?? '', { stage, partition }, acceptCodeChange)
    await give(this.client, this.name, command, Patience.of('resume', options.timeout, '60s'))
  }

  async drain(options: EndOptions = {}): Promise<void> {
    await this.stop(Patience.of('drain', options.timeout, '10m'))
  }

  savepoint(label: string, options: SavepointOptions = {}): Promise<SavepointInfo> {
    return createSavepoint(this.client, this.name, label, options, (patience) => this.stop(patience, { aligned: true }))
  }

  savepoints(): AsyncIterable<SavepointInfo> {
    return listSavepoints(this.client, this.name)
  }

  deleteSavepoint(label: string, options: EndOptions = {}): Promise<void> {
    return deleteSavepoint(this.client, this.name, label, options)
  }

  async cancel(options: EndOptions = {}): Promise<void> {
    const patience = Patience.of('cancel', options.timeout, '10m')
    // Temporal takes the cancellation of what has ended for done.
    if ((await notEnded(this.client, this.name)).length === 0) throw await notRunning(this.client, this.name)
    try {
      await this.client.workflow.getHandle(this.workflowId).cancel()
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw await notRunning(this.client, this.name, error)
      throw error
    }
    await this.done('cancel', patience, () => notEnded(this.client, this.name))
  }

  async result(): Promise<PipelineResult> {
    try {
      return (await this.client.workflow.getHandle(this.workflowId, this.chain).result()) as PipelineResult
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw new PipelineNotFound({ pipeline: this.name }, error)
      if (!(error instanceof WorkflowFailedError) || error.cause === undefined) throw error
      // Gives it code, next and details, where it is one of this library's.
      isTidemarkError(error.cause)
      throw error.cause
    }
  }

  private async stop(patience: Patience, how: Pick<PipelineCommand, 'aligned'> = {}): Promise<void> {
    await give(this.client, this.name, { ...commandOf('drain', ''), ...how }, patience)
    await this.done('drain', patience, () => notEnded(this.client, this.name))
    await this.result()
  }

  private checked<T>(command: string, schema: z.ZodType<T>, options: unknown): T {
    const parsed = schema.safeParse(options)
    if (parsed.success) return parsed.data
    const reason = parsed.error.issues
      .map(({ path, message }) => `${path.join('.') || 'options'} ${message}`)
      .join('; ')
    throw new InvalidCommand({ command, pipeline: this.name, reason })
  }

  private async done(command: string, patience: Patience, look: () => Promise<readonly string[]>): Promise<void> {
    const waitingFor = await patience.untilNone(look)
    if (waitingFor.length === 0) return
    const { timeoutMs } = patience
    throw new CommandTimeout({ command, pipeline: this.name, timeoutMs, accepted: true, waitingFor })
  }
}

function commandOf(
  kind: PipelineCommand['kind'],
  reason: string,
  { stage, partition }: { readonly stage?: string | undefined; readonly partition?: number | undefined } = {},
  acceptCodeChange = false,
): PipelineCommand {
  return { kind, reason, stage: stage ?? null, partition: partition ?? null, acceptCodeChange }
}
