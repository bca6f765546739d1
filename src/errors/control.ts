import type { Details } from './base.js'
import { ControlError } from './families.js'

export interface PipelineNotFoundDetails extends Details {
  readonly pipeline: string
  /** There is the pipeline, but not with this stage. */
  readonly stage?: string
  /** The names there are, where they are known: of pipelines, or of stages. */
  readonly known?: readonly string[]
  /** How its last run ended, where there was one and a running one is needed: 'completed', 'failed'. */
  readonly ended?: string
}

/** No pipeline of that name, or none with that stage, is defined on the worker, or none is running in the namespace. */
export class PipelineNotFound extends ControlError<PipelineNotFoundDetails> {
  constructor(details: PipelineNotFoundDetails, cause?: unknown) {
    const known =
      details.known === undefined
        ? ''
        : ` on this worker, but ${details.known.join(', ') || 'none'}: all workers of a task queue need the same ones`
    const what =
      details.stage === undefined
        ? `there is no pipeline '${details.pipeline}'`
        : `pipeline '${details.pipeline}' has no stage '${details.stage}'`
    const message =
      details.ended === undefined
        ? `${what}${known}`
        : `pipeline '${details.pipeline}' is not running: its last run is ${details.ended}`
    super('PipelineNotFound', message, details, cause)
  }
}

/** A start of a pipeline that is running. */
export class PipelineAlreadyRunning extends ControlError<{ readonly pipeline: string; readonly workflowId: string }> {
  constructor(details: { readonly pipeline: string; readonly workflowId: string }, cause?: unknown) {
    const message = `pipeline '${details.pipeline}' is running already, as workflow ${details.workflowId}`
    super('PipelineAlreadyRunning', message, details, cause)
  }
}

/** A command with bad arguments, or one that cannot be carried out in the present state. */
export class InvalidCommand extends ControlError<{
  /** What was asked for: 'start', 'pause', 'connection'. */
  readonly command: string
  /** Why it cannot be done, naming what to correct. */
  readonly reason: string
  readonly pipeline?: string
}> {
  constructor(
    details: { readonly command: string; readonly reason: string; readonly pipeline?: string },
    cause?: unknown,
  ) {
    const whose = details.pipeline === undefined ? '' : ` of pipeline '${details.pipeline}'`
    super('InvalidCommand', `${details.command}${whose}: ${details.reason}`, details, cause)
  }
}

export interface CheckpointNotFoundDetails extends Details {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  /** What was asked for, as in "epoch 45". */
  readonly wanted: string
  /** What there is, as in "epochs 1 to 40 of generation 1". */
  readonly found: string
}

/** The histories of a task don't have that checkpoint, or no longer. */
export class CheckpointNotFound extends ControlError<CheckpointNotFoundDetails> {
  constructor(details: CheckpointNotFoundDetails, cause?: unknown) {
    const { pipeline, stage, partition, wanted, found } = details
    const message = `no checkpoint of task ${pipeline}/${stage}/${partition} is ${wanted}: history has ${found}`
    super('CheckpointNotFound', message, details, cause)
  }
}

/** There is no savepoint of that label, or it isn't whole. */
export class SavepointNotFound extends ControlError<{ readonly pipeline: string; readonly label: string }> {
  constructor(details: { readonly pipeline: string; readonly label: string }, cause?: unknown) {
    const message = `pipeline '${details.pipeline}' has no savepoint '${details.label}'`
    super('SavepointNotFound', message, details, cause)
  }
}

/** There is a savepoint of that label already, or it is just being made. */
export class SavepointExists extends ControlError<{ readonly pipeline: string; readonly label: string }> {
  constructor(details: { readonly pipeline: string; readonly label: string }, cause?: unknown) {
    const message = `pipeline '${details.pipeline}' has a savepoint '${details.label}' already, or one that is being made`
    super('SavepointExists', message, details, cause)
  }
}

export interface SavepointCopiesLeftDetails extends Details {
  readonly pipeline: string
  readonly label: string
  /** Each of one task: the stage is a name that only the savepoint has. `backend`: as it was described; null: not known. */
  readonly places: readonly {
    readonly stage: string
    readonly partition: number
    readonly backend: string | null
  }[]
}

/** A savepoint is deleted, but for copies of state in a backend that the pipeline's definition no longer has. */
export class SavepointCopiesLeft extends ControlError<SavepointCopiesLeftDetails> {
  constructor(details: SavepointCopiesLeftDetails, cause?: unknown) {
    const { pipeline, label, places } = details
    const where = places.map(
      ({ stage, partition, backend }) =>
        `${pipeline}/${stage}/${partition} in ${backend ?? 'the backend of that time'}`,
    )
    const message =
      `savepoint '${label}' of pipeline '${pipeline}' is deleted, but copies of its state are left where its definition ` +
      `has no state backend any more: ${where.join(', ')}`
    super('SavepointCopiesLeft', message, details, cause)
  }
}

export interface NotAlignedDetails extends Details {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  /** What keeps it from being one moment of all stages. */
  readonly reason: string
}

/** The stages of a pipeline don't stand where one has read all that the one before has written. */
export class NotAligned extends ControlError<NotAlignedDetails> {
  constructor(details: NotAlignedDetails, cause?: unknown) {
    const { pipeline, stage, partition, reason } = details
    super(
      'NotAligned',
      `task ${pipeline}/${stage}/${partition} can't be kept with those of other stages: ${reason}`,
      details,
      cause,
    )
  }
}

export interface CommandTimeoutDetails extends Details {
  /** 'pause', 'drain', 'cancel', 'resume'. */
  readonly command: string
  readonly pipeline: string
  /** Milliseconds waited. */
  readonly timeoutMs: number
  /** True: the pipeline has it, and it holds. False: no worker has taken it up; it may be lost, or still be carried out. */
  readonly accepted: boolean
  /** What has not answered: `flights/3 (running)`. */
  readonly waitingFor: readonly string[]
}

/** A command was given, and what it asks for has not happened in time. */
export class CommandTimeout extends ControlError<CommandTimeoutDetails> {
  constructor(details: CommandTimeoutDetails, cause?: unknown) {
    const { command, pipeline, timeoutMs, accepted, waitingFor } = details
    const waited = `${command} of pipeline '${pipeline}': not done after ${timeoutMs / 1000} s`
    const what = accepted
      ? 'accepted, and it holds'
      : 'no worker has taken it up; one that comes may still carry it out'
    const open = waitingFor.length === 0 ? '' : `; still waiting for ${waitingFor.join(', ')}`
    super('CommandTimeout', `${waited}: ${what}${open}`, details, cause)
  }
}
