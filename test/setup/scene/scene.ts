import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { Client, Connection, type WorkflowHandle } from '@temporalio/client'

import type { WorkerSettings } from '../../fixtures/worker.js'
import { type CountedVerdict, judgeCounted } from '../../oracle/counted.js'
import { createTopic } from '../topics.js'
import { uniqueName } from '../unique-name.js'
import { type WaitOptions, waitUntil } from '../wait-until.js'
import { type Commit, CommitWatch } from './commits.js'
import { Feed } from './feed.js'
import { type TaskPast, taskPast } from './task-past.js'
import { WorkerProcess } from './worker-process.js'

export const PARTITIONS = 4

const program = fileURLToPath(new URL('../../../dist/test/fixtures/worker.js', import.meta.url))

export interface SceneOptions extends Pick<
  WorkerSettings,
  'commit' | 'checkpoint' | 'heartbeatTimeout' | 'idleInterval'
> {
  readonly temporalAddress: string
  readonly brokers: readonly string[]
  readonly perSecond: number
  /** Outputs are answers to calls, each of which is kept in `calls`. */
  readonly asks?: boolean
  /** The pipeline keeps state, and its outputs tell of it. */
  readonly keeps?: boolean
}

export interface TaskStanding {
  readonly phase: string
  readonly checkpoint: { readonly epoch: number; readonly positions: Readonly<Record<string, string>> }
  readonly session: { readonly worker: string } | null
}

/** What went wrong, if anything: judged by the oracle and by the ledgers' own order. */
export interface SceneVerdict {
  readonly oracle: CountedVerdict
  readonly ledgers: readonly string[]
}

/** A fault as it met the run. */
export interface Fault {
  readonly at: number
  /** By partition: the newest commit, and the offset behind what the feed had written. */
  readonly before: readonly { readonly commit: Commit; readonly end: number }[]
}

/**
 * One pipeline on real servers, with workers in processes of their own and a producer that writes while faults hit.
 * Topic, task queue and directory are its own.
 */
export class Scene {
  readonly client: Client
  readonly pipeline: string
  readonly commits: CommitWatch
  /** In the order in which they came to run. */
  readonly workers: WorkerProcess[] = []
  readonly topic: string
  private readonly options: SceneOptions
  private readonly taskQueue: string
  private readonly root: string
  private readonly connection: Connection
  private feeding: Feed | undefined
  private named = 0

  private constructor(options: SceneOptions, topic: string, root: string, connection: Connection) {
    this.options = options
    this.topic = topic
    this.root = root
    this.connection = connection
    this.client = new Client({ connection })
    this.pipeline = uniqueName('counted')
    this.taskQueue = uniqueName('guarantees')
    this.commits = new CommitWatch(this.directory)
  }

  static async open(options: SceneOptions): Promise<Scene> {
    const topic = await createTopic(options.brokers, uniqueName('numbers'), PARTITIONS)
    const root = await mkdtemp(join(tmpdir(), 'tidemark-scene-'))
    const connection = await Connection.connect({ address: options.temporalAddress })
    return new Scene(options, topic, root, connection)
  }

  get feed(): Feed {
    if (this.feeding === undefined) throw new Error('the scene has not begun')
    return this.feeding
  }

  get handle(): WorkflowHandle {
    return this.client.workflow.getHandle(`tidemark/${this.pipeline}`)
  }

  /** Workers polling, the pipeline started, the feed running, and every partition with something committed. */
  async begin(workers: number, input: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await Promise.all(Array.from({ length: workers }, () => this.addWorker()))
    const { topic } = this
    this.feeding = new Feed({ ...this.options, topic, partitions: PARTITIONS })
    await this.client.workflow.start('tidemarkPipeline', {
      workflowId: `tidemark/${this.pipeline}`,
      taskQueue: this.taskQueue,
      args: [{ pipeline: this.pipeline, ...input }],
    })
    await this.until('every partition to commit something', () =>
      partitions().every((partition) => this.commits.dataOf(partition).length > 0),
    )
  }

  /** One more worker process. Resolves when it polls for tasks. */
  async addWorker(): Promise<WorkerProcess> {
    const { temporalAddress, brokers, asks, keeps, commit, checkpoint, heartbeatTimeout, idleInterval } = this.options
    const { pipeline, topic, directory, taskQueue } = this
    const identity = `worker-${++this.named}`
    const settings: WorkerSettings = {
      identity,
      temporalAddress,
      brokers,
      pipeline,
      topic,
      directory,
      taskQueue,
      ...(asks === true && { calls: this.calls }),
      ...(keeps === true && { keeps }),
      ...(commit !== undefined && { commit }),
      ...(checkpoint !== undefined && { checkpoint }),
      ...(heartbeatTimeout !== undefined && { heartbeatTimeout }),
      ...(idleInterval !== undefined && { idleInterval }),
    }
    const worker = await WorkerProcess.start({ program, settings }, this.root)
    this.workers.push(worker)
    await this.until(`${identity} to poll for claims`, async () => (await this.pollers()).includes(identity))
    return worker
  }

  /** The worker that holds the session of a partition now. */
  async ownerOf(partition: number): Promise<WorkerProcess> {
    return await this.until(`an owner of partition ${partition}`, async () => {
      const { session } = await this.task(partition)
      return this.workers.find((worker) => worker.identity === session?.worker)
    })
  }

  /** Partitions that this worker holds now. */
  async ownedBy(worker: WorkerProcess): Promise<number[]> {
    const owners = await Promise.all(partitions().map((partition) => this.ownerOf(partition)))
    return partitions().filter((partition) => owners[partition] === worker)
  }

  /**
   * Notes where everything stands. Call it right before the fault. Throws if the run would show nothing: nothing
   * committed yet, or no data left to go wrong.
   */
  beforeFault(): Fault {
    if (this.feed.finished) throw new Error('the feed had ended before the fault: it came too late')
    const before = partitions().map((partition) => {
      const commit = this.commits.dataOf(partition).at(-1)
      if (commit === undefined) throw new Error(`the fault came before partition ${partition} had committed anything`)
      return { commit, end: this.feed.ends[partition] ?? 0 }
    })
    return { at: Date.now(), before }
  }

  /**
   * Milliseconds from the fault to the first commit with outputs that `counts`, by partition; waits for it. Throws if the
   * feed had ended by then: there would have been no data during the fault.
   */
  async nextCommits(
    fault: Fault,
    affected: readonly number[],
    counts: (commit: Commit, before: Fault['before'][number]) => boolean,
  ): Promise<ReadonlyMap<number, number>> {
    const after = new Map<number, number>()
    await this.until(
      'the next commits after the fault',
      () => {
        for (const partition of affected) {
          const before = fault.before[partition]
          if (before === undefined || after.has(partition)) continue
          const next = this.commits.dataOf(partition).find((one) => one.at > fault.at && counts(one, before))
          if (next !== undefined) after.set(partition, next.at - fault.at)
        }
        return after.size === affected.length
      },
      { timeoutMs: 90_000, every: 10 },
    )
    if (this.feed.finished) throw new Error('the feed had ended before the fault was overcome')
    return after
  }

  /** Waits for an epoch of a partition with some commits, far from its end: what hits then finds the ledger ahead of history. */
  async midEpoch(partition: number): Promise<void> {
    const some = (): boolean => [3, 4, 5].includes(this.commitsOfEpoch(partition))
    await this.until(`an epoch of partition ${partition} with some commits`, some, { every: 5 })
  }

  /** How many commits with outputs the newest epoch of a partition has had so far; 0 in its first epochs. */
  private commitsOfEpoch(partition: number): number {
    const epoch = this.commits.newest(partition)?.epoch ?? 0
    return epoch < 2 ? 0 : this.commits.dataOf(partition).filter((commit) => commit.epoch === epoch).length
  }

  /** Milliseconds between two commits of a partition at most, from the last one before `from` on. */
  longestPause(partition: number, from: number): number {
    const all = this.commits.dataOf(partition).map(({ at }) => at)
    const pauses = all.map((at, index) => (at < from ? 0 : at - (all[index - 1] ?? at)))
    return Math.max(...pauses)
  }

  past(partition: number): Promise<TaskPast> {
    return taskPast(this.client, this.taskId(partition))
  }

  /** The newest commit of whoever owned the partition at the fault: between looking and hitting it may have made more. */
  lastCommitOf(partition: number, { before }: Fault): Commit | undefined {
    const claim = before[partition]?.commit.owner.claim
    return this.commits.of(partition).findLast(({ owner }) => owner.claim === claim)
  }

  /** Where the ledger of a partition was ahead of its checkpoint when it was claimed after the fault, as history tells. */
  async caughtUp(partition: number, fault: Fault): Promise<string[]> {
    const { activities } = await this.past(partition)
    return activities
      .filter(({ type, scheduledAt }) => type === 'tidemark.claim' && scheduledAt > fault.at)
      .flatMap(({ result }) => Object.values((result['furthest'] ?? {}) as Readonly<Record<string, string>>))
  }

  /** What a task says of itself, as far as tests ask. */
  task(partition: number): Promise<TaskStanding> {
    return this.client.workflow.getHandle(this.taskId(partition)).query<TaskStanding>('tidemark.task')
  }

  /** Sends a command for one task, or for all. Resolves when the pipeline has accepted it. */
  command(kind: 'pause' | 'resume' | 'drain' | 'cancel', partition: number | null = null): Promise<unknown> {
    const command = { kind, partition, stage: null, reason: 'guarantee test', acceptCodeChange: false }
    return this.handle.executeUpdate('tidemark.command', { args: [command] })
  }

  /** Waits for `look`. If it doesn't come, the error shows tasks, newest activities and commits, and the workers' logs. */
  async until<T>(what: string, look: () => T | Promise<T>, options: WaitOptions = {}) {
    const began = Date.now()
    try {
      return await waitUntil(look, { timeoutMs: 60_000, ...options, for: what })
    } catch (error) {
      const seconds = ((Date.now() - began) / 1_000).toFixed(1)
      throw new Error(`${what} did not come within ${seconds} s.\n${await this.told()}`, { cause: error })
    }
  }

  /**
   * Lets the feed end and everything be processed, ends pipeline and workers in order, and judges: the output by the
   * oracle, the ledgers by their own order.
   */
  async finish(): Promise<SceneVerdict> {
    const { feed, commits } = this
    await feed.end()
    await this.until(
      'everything to be committed',
      async () => (await Promise.all(partitions().map((p) => this.reached(p)))).every(Boolean),
      { timeoutMs: 90_000 },
    )
    await this.command('drain')
    const result = (await this.handle.result()) as { readonly state: string }
    if (result.state !== 'completed') throw new Error(`the pipeline ended ${result.state}`)
    for (const worker of this.workers.filter(({ runs }) => runs)) {
      const exit = await worker.terminate()
      if (exit.code !== 0)
        throw new Error(`${worker.identity} ended with ${JSON.stringify(exit)}:\n${tail(worker.log)}`)
    }
    await commits.stop()
    const { brokers, keeps = false } = this.options
    const oracle = await judgeCounted({ brokers, topic: this.topic, directory: this.directory, keeps })
    if (oracle.numbers !== feed.sent) {
      throw new Error(`the topic holds ${oracle.numbers} numbers, not the ${feed.sent} that were sent`)
    }
    return { oracle, ledgers: await commits.faults() }
  }

  /** Leaves nothing behind, whatever has happened. */
  async close(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.end()))
    await Promise.allSettled([this.feeding?.stop(), this.commits.stop()])
    for (const id of [`tidemark/${this.pipeline}`, ...partitions().map((p) => this.taskId(p))]) {
      await this.client.workflow
        .getHandle(id)
        .terminate('the test is over')
        .catch(() => undefined)
    }
    await this.connection.close()
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 })
  }

  /** By its newest commit; where the last records gave no outputs there is none behind them, and the checkpoint tells. */
  private async reached(partition: number): Promise<boolean> {
    const end = this.feed.ends[partition] ?? 0
    if ((this.commits.newest(partition)?.position ?? 0) >= end) return true
    const { checkpoint } = await this.task(partition)
    return Number(Object.values(checkpoint.positions)[0] ?? 0) >= end
  }

  get directory(): string {
    return join(this.root, 'output')
  }

  /** A line for each call: its key and what it has answered. */
  get calls(): string {
    return join(this.root, 'calls.txt')
  }

  taskId(partition: number): string {
    return `tidemark/${this.pipeline}/main/${partition}`
  }

  private async pollers(): Promise<string[]> {
    const { pollers } = await this.connection.workflowService.describeTaskQueue({
      namespace: 'default',
      taskQueue: { name: `${this.taskQueue}/claims` },
      // TASK_QUEUE_TYPE_ACTIVITY
      taskQueueType: 2,
    })
    return (pollers ?? []).map(({ identity }) => identity ?? '')
  }

  /** What a failure's reader needs. */
  private async told(): Promise<string> {
    const tasks = await Promise.all(
      partitions().map(async (partition) => {
        const asked = [this.task(partition), this.past(partition).then(({ activities }) => activities.slice(-6))]
        const answers = asked.map((one) => Promise.race([one.catch(String), sleep(3_000, 'no answer')]))
        const lines = [...(await Promise.all(answers)), this.commits.newest(partition)]
        return [`partition ${partition}:`, ...lines.map((line) => JSON.stringify(line))].join('\n  ')
      }),
    )
    const logs = this.workers.map((worker) => `--- ${worker.identity}\n${tail(worker.log)}`)
    return [...tasks, ...logs].join('\n')
  }
}

export const partitions = (): number[] => Array.from({ length: PARTITIONS }, (_, partition) => partition)

const tail = (log: string): string => log.split('\n').slice(-40).join('\n')

/** What every guarantee comes to, however it was tried. */
export const NOTHING_WRONG = { lost: [], duplicated: [], reordered: [], foreign: [] }
