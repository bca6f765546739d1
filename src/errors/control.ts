import { ControlError } from './families.js'

/** No pipeline of that name is defined on the worker, or none is running in the namespace. */
export class PipelineNotFound extends ControlError<{
  readonly pipeline: string
  /** The names there are, where they are known. */
  readonly known?: readonly string[]
}> {
  constructor(details: { readonly pipeline: string; readonly known?: readonly string[] }, cause?: unknown) {
    const known = details.known === undefined ? '' : `; there is ${details.known.join(', ') || 'none'}`
    super('PipelineNotFound', `there is no pipeline '${details.pipeline}'${known}`, details, cause)
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
