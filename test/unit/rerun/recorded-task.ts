import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { stepMarks } from '../../../src/definition/fingerprint.js'
import { type EpochResult, recordEpoch } from '../../../src/protocol/epoch.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import { clientWith, History } from '../control/history.js'
import type { LogSource } from '../engine/log-source.js'
import { Task, type TaskOptions } from '../engine/task.js'

/** A task whose epochs are written into histories as its workflow would: several runs that continue each other. */
export class RecordedTask {
  readonly task: Task
  /** By run id, oldest first. */
  readonly runs = new Map<string, History>()
  /** What becomes of results on their way into history. */
  tamper: (result: EpochResult) => EpochResult = (result) => result
  /** Of all tasks but this pipeline's the server has none; null: of none. */
  name: string | null = null
  private history = new History()

  constructor(pipeline: Pipeline, options: TaskOptions = {}) {
    this.task = new Task(pipeline, options)
  }

  async begin(): Promise<void> {
    await this.task.claim()
    const { session } = this.task.state
    if (session !== null)
      this.task.state = { ...this.task.state, session: { ...session, steps: stepMarks(this.task.stage()) } }
    this.continueAsNew()
  }

  /** Until all that the log has is recorded. No epoch ends without a record, however busy the machine. */
  async readAll(log: LogSource): Promise<void> {
    do await this.epoch(60_000)
    while (this.task.position !== String(log.end))
  }

  async epoch(idleMs = 50): Promise<EpochResult> {
    const input = this.task.epochInput({ checkpointMs: 20, idleMs })
    this.history.scheduled(ACTIVITY.runEpoch, input)
    const result = this.tamper(await this.task.session.run(input))
    this.task.state = recordEpoch(this.task.state, result)
    this.history.completed(1, result)
    return result
  }

  continueAsNew(): void {
    const before = [...this.runs.keys()].at(-1)
    this.history = new History().started(this.task.state)
    this.runs.set(`run-${this.runs.size + 1}`, this.history)
    Object.assign(this.history.events[0]?.workflowExecutionStartedEventAttributes ?? {}, {
      continuedExecutionRunId: before ?? '',
    })
  }

  /** Of a server that has these histories. */
  get client(): Client {
    const { runs } = this
    const getHandle = (workflowId: string, runId = [...runs.keys()].at(-1) ?? '') => {
      const find = (): History => {
        const history = runs.get(runId)
        const strange = this.name !== null && !workflowId.startsWith(`tidemark/${this.name}/`)
        if (history === undefined || strange) throw new WorkflowNotFoundError('not found', workflowId, runId)
        return history
      }
      return {
        terminate: async () => {},
        describe: async () => ({ runId, history: find() }),
        fetchHistory: async () => ({ events: find().events }),
      }
    }
    const workflow = { getHandle, async *list() {} }
    return { workflow, options: clientWith([]).options } as unknown as Client
  }
}
