import type { Client } from '@temporalio/client'
import { type CountedVerdict, judgeOutputs } from '../test/oracle/counted.js'
import type { Outputs } from '../test/oracle/compare.js'
import { Feed } from '../test/setup/scene/feed.js'
import type { TaskStanding } from '../test/setup/scene/scene.js'
import { createTopic } from '../test/setup/topics.js'
import { uniqueName } from '../test/setup/unique-name.js'
import type { LedgerEnd } from './sinks/ledger-log.js'
import type { OutputWatch, SinkUnderTest, Target } from './sinks/sink.js'
import type { WorkerState } from './state/worker-state.js'
import type { PipelineSettings } from './worker.js'

export interface PipelineRunOptions {
  readonly name: string
  readonly brokers: readonly string[]
  readonly client: Client
  readonly sink: SinkUnderTest
  /** Undefined: it keeps none. */
  readonly state: WorkerState | undefined
  readonly perSecond: number
  readonly clocks: Pick<PipelineSettings, 'commit' | 'checkpoint'>
}

/** One partition of one pipeline. */
export interface Ref {
  readonly run: PipelineRun
  readonly partition: number
}

export interface RunVerdict {
  /** Of everything that is there in the end. */
  readonly final: CountedVerdict
  /** Of what the reader beside it has seen. */
  readonly passing: CountedVerdict
  readonly ledger: readonly string[]
}

export const PARTITIONS = 4
/** So small that tasks continue as new between faults, and under them. */
const MAX_HISTORY_EVENTS = 60

/** One pipeline of a fault run: what feeds it, where it writes to and who reads that. */
export class PipelineRun {
  readonly name: string
  readonly settings: PipelineSettings
  readonly refs: readonly Ref[]
  private readonly options: PipelineRunOptions
  private readonly topic: string
  private readonly target: Target
  private readonly watch: OutputWatch
  private feeding: Feed | undefined

  private constructor(options: PipelineRunOptions, name: string, topic: string, target: Target, watch: OutputWatch) {
    this.options = options
    this.name = name
    this.topic = topic
    this.target = target
    const { clocks, state } = options
    this.settings = { pipeline: name, topic, sink: target.settings, ...clocks, ...(state !== undefined && { state }) }
    this.refs = Array.from({ length: PARTITIONS }, (_, partition) => ({ run: this, partition }))
    this.watch = watch
  }

  static async prepare(options: PipelineRunOptions): Promise<PipelineRun> {
    const name = uniqueName(options.name)
    const topic = await createTopic(options.brokers, `${name}-in`, PARTITIONS)
    const target = await options.sink.target(name, PARTITIONS)
    return new PipelineRun(options, name, topic, target, await target.watch())
  }

  async start(taskQueue: string): Promise<void> {
    const { brokers, perSecond, client } = this.options
    this.feeding = new Feed({ brokers, topic: this.topic, partitions: PARTITIONS, perSecond })
    await client.workflow.start('tidemarkPipeline', {
      workflowId: this.workflowId,
      taskQueue,
      args: [{ pipeline: this.name, maxHistoryEvents: MAX_HISTORY_EVENTS }],
    })
  }

  get workflowId(): string {
    return `tidemark/${this.name}`
  }

  taskId(partition: number): string {
    return `${this.workflowId}/main/${partition}`
  }

  get feed(): Feed {
    if (this.feeding === undefined) throw new Error('the pipeline has not started')
    return this.feeding
  }

  /** Offset behind what its topic is known to hold; 0 before it has started. */
  fedTo(partition: number): number {
    return this.feeding?.ends[partition] ?? 0
  }

  /** Offset of the newest output that a reader can see; −1 before the first. */
  newest(partition: number): number {
    return offsetOf(this.watch.seen.get(partition)?.at(-1))
  }

  /** What the task says of itself. Rejects where no worker answers in time. */
  standing(partition: number): Promise<TaskStanding> {
    const { client } = this.options
    const query = () => client.workflow.getHandle(this.taskId(partition)).query<TaskStanding>('tidemark.task')
    return client.connection.withDeadline(Date.now() + 3_000, query)
  }

  /** Whether everything that the topic holds is behind the task's checkpoint. */
  async isThrough(partition: number): Promise<boolean> {
    const { checkpoint } = await this.standing(partition)
    return Number(Object.values(checkpoint.positions)[0] ?? 0) >= (this.feed.ends[partition] ?? 0)
  }

  /** Ends the pipeline in order. */
  async drain(): Promise<void> {
    const handle = this.options.client.workflow.getHandle(this.workflowId)
    const command = { kind: 'drain', partition: null, stage: null, reason: 'the run is over', acceptCodeChange: false }
    await handle.executeUpdate('tidemark.command', { args: [command] })
    const { state } = (await handle.result()) as { readonly state: string }
    if (state !== 'completed') throw new Error(`${this.name} ended ${state}`)
  }

  async judge(): Promise<RunVerdict> {
    const { brokers, state } = this.options
    await this.watch.finish()
    const outputs = await this.target.read()
    const [final, passing] = await judgeOutputs({ brokers, topic: this.topic, keeps: state !== undefined }, [
      outputs,
      this.watch.seen,
    ])
    if (final === undefined || passing === undefined) throw new Error('the oracle gave no verdict')
    return { final, passing, ledger: await this.target.faults(this.ledgerEnds(outputs)) }
  }

  private ledgerEnds(outputs: Outputs): ReadonlyMap<number, LedgerEnd> {
    const ends = this.feed.ends.map((end, partition): [number, LedgerEnd] => {
      const lastOutput = offsetOf(outputs.get(partition)?.at(-1))
      return [partition, { lastOutput, end }]
    })
    return new Map(ends)
  }

  async close(): Promise<void> {
    this.watch.close()
    await this.feeding?.stop()
    for (const id of [this.workflowId, ...this.refs.map(({ partition }) => this.taskId(partition))]) {
      await this.options.client.workflow
        .getHandle(id)
        .terminate('the run is over')
        .catch(() => undefined)
    }
  }
}

/** Of an output as the oracle names it; −1 of none. */
function offsetOf(line: string | undefined): number {
  if (line === undefined) return -1
  const [, offset] = JSON.parse(line) as unknown[]
  return Number(offset)
}
