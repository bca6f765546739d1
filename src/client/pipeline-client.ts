import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client'
import type { Pipeline } from '../definition/pipeline.js'
import { InvalidCommand, PipelineAlreadyRunning } from '../errors/control.js'
import { isTidemarkError } from '../errors/is.js'
import { DEFAULT_TASK_QUEUE, PIPELINE_WORKFLOW, pipelineWorkflowId } from '../protocol/names.js'
import type { Duration } from '../units.js'
import { listPipelines, type PipelineListing } from './list-pipelines.js'
import { ClientHandle, type PipelineHandle, type StartedPipeline } from './pipeline-handle.js'
import { pipelineTasks } from './read-pipeline.js'
import { checkRewind, type ForkOptions, planRewind, type RewindOptions, type RewindPlan } from './rewind.js'
import { type CheckedStart, checkStart, type StartOptions } from './start-options.js'

/** A pipeline's definition, or its name alone. */
export type PipelineRef = Pipeline | string

const nameOf = (pipeline: PipelineRef): string => (typeof pipeline === 'string' ? pipeline : pipeline.name)

/** Starts, watches and steers pipelines, in the namespace and with the data converter of the given client. */
export class PipelineClient {
  private readonly client: Client

  constructor(client: Client) {
    this.client = client
  }

  /**
   * Starts a pipeline where its last run stopped, or at its very beginning. Resolves when Temporal has it: a worker may
   * come later. Throws `InvalidCommand` with all that is wrong with the options, `PipelineAlreadyRunning` where it runs.
   */
  async start(pipeline: PipelineRef, options: StartOptions = {}): Promise<StartedPipeline> {
    return await this.begin(nameOf(pipeline), checkStart(nameOf(pipeline), options))
  }

  /** What `rewind` with these options would do: which outputs would be written again. Does nothing. Throws as `rewind`. */
  async planRewind(pipeline: PipelineRef, options: RewindOptions): Promise<RewindPlan> {
    const name = nameOf(pipeline)
    return await planRewind(this.client, name, checkRewind(name, options))
  }

  /**
   * Goes back to a checkpoint that history still has, its state included, and begins a new generation there: **outputs behind
   * it are written again**, after those that are there. A pipeline that runs is cancelled first. Throws `CheckpointNotFound`
   * where a task has no such checkpoint, before anything is done; `CommandTimeout` where the pipeline doesn't end in time.
   */
  async rewind(pipeline: PipelineRef, options: RewindOptions): Promise<StartedPipeline> {
    const name = nameOf(pipeline)
    const { to: _, stage: _stage, partition: _partition, timeout, onPlan, ...starting } = options
    const rewind = checkRewind(name, options)
    const checked = checkStart(name, starting)
    const plan = await planRewind(this.client, name, rewind)
    onPlan?.(plan)
    if (plan.running) await this.ended(name, timeout)
    const taskQueue = checked.taskQueue ?? plan.taskQueue
    return await this.begin(name, { ...checked, taskQueue, input: { ...checked.input, rewind } })
  }

  /**
   * Starts `as`, which has not run before, where a checkpoint of `pipeline` is, with its state: a pipeline of its own from then
   * on, with its own ledgers and outputs; `pipeline` isn't touched. Its definition needs the same stages and step ids, and
   * sinks with places of their own. Throws `CheckpointNotFound`, `InvalidCommand` where `as` has run already.
   */
  async fork(pipeline: PipelineRef, as: PipelineRef, { from, ...options }: ForkOptions): Promise<StartedPipeline> {
    const [of, name] = [nameOf(pipeline), nameOf(as)]
    const rewind = checkRewind(of, { to: from })
    const checked = checkStart(name, options)
    if (await hasRun(this.client, name)) {
      const reason = `it has run already: rewind it, or choose another name`
      throw new InvalidCommand({ command: 'fork', pipeline: name, reason })
    }
    const plan = await planRewind(this.client, of, rewind)
    const taskQueue = checked.taskQueue ?? plan.taskQueue
    return await this.begin(name, { ...checked, taskQueue, input: { ...checked.input, rewind: { ...rewind, of } } })
  }

  private async ended(name: string, timeout: Duration | undefined): Promise<void> {
    try {
      await this.get(name).cancel(timeout === undefined ? {} : { timeout })
    } catch (error) {
      // It has ended by itself meanwhile.
      if (!isTidemarkError(error, 'PipelineNotFound')) throw error
    }
  }

  private async begin(name: string, { input, taskQueue, ifNotRunning }: CheckedStart): Promise<StartedPipeline> {
    const workflowId = pipelineWorkflowId(name)
    try {
      const { firstExecutionRunId } = await this.client.workflow.start(PIPELINE_WORKFLOW, {
        workflowId,
        taskQueue: taskQueue ?? DEFAULT_TASK_QUEUE,
        args: [input],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `stream pipeline ${name}`,
      })
      return new Started(this.client, name, firstExecutionRunId, true)
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
      if (!ifNotRunning) throw new PipelineAlreadyRunning({ pipeline: name, workflowId }, error)
      const { runId } = await this.client.workflow.getHandle(workflowId).describe()
      return new Started(this.client, name, runId, false)
    }
  }

  /** A handle by name; whether there is such a pipeline shows when it is used. */
  get(pipeline: PipelineRef): PipelineHandle {
    return new ClientHandle(this.client, nameOf(pipeline))
  }

  /** Every pipeline the namespace knows, running or ended, by name, in its newest run. */
  list(): AsyncIterable<PipelineListing> {
    return listPipelines(this.client)
  }
}

/** A start that failed before it had tasks has left nothing: not even a fork that could not be. */
async function hasRun(client: Client, name: string): Promise<boolean> {
  try {
    return (await pipelineTasks(client, 'fork', name)).length > 0
  } catch (error) {
    if (isTidemarkError(error, 'PipelineNotFound')) return false
    throw error
  }
}

class Started extends ClientHandle implements StartedPipeline {
  readonly runId: string
  readonly started: boolean

  constructor(client: Client, name: string, runId: string, started: boolean) {
    super(client, name, runId)
    this.runId = runId
    this.started = started
  }
}
