import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Client, Connection, type WorkflowHandle } from '@temporalio/client'
import { Client as PostgresClient } from 'pg'

import type { PostgresWorkerSettings } from '../../fixtures/postgres-worker.js'
import { judgeCountedRows, type RowsVerdict } from '../../oracle/counted-rows.js'
import { type TestDatabase, testDatabase } from '../postgres-database.js'
import { createTopic } from '../topics.js'
import { uniqueName } from '../unique-name.js'
import { type WaitOptions, waitUntil } from '../wait-until.js'
import { Feed } from './feed.js'
import { PARTITIONS, partitions, type TaskStanding } from './scene.js'
import { type TaskPast, taskPast } from './task-past.js'
import { WorkerProcess } from './worker-process.js'

export interface PostgresSceneOptions extends Pick<
  PostgresWorkerSettings,
  'commit' | 'checkpoint' | 'heartbeatTimeout'
> {
  readonly temporalAddress: string
  readonly brokers: readonly string[]
  /** Of a superuser; the scene makes a database of its own. */
  readonly postgres: string
  readonly perSecond: number
}

const program = fileURLToPath(new URL('../../../dist/test/fixtures/postgres-worker.js', import.meta.url))

/** A receipt in the ledger table, as it lies there. */
export interface LedgerRow {
  readonly seq: number
  readonly claim: number
  readonly epoch: number
  readonly position: number
}

const TABLES = [
  `CREATE TABLE outputs (place bigserial PRIMARY KEY, partition integer NOT NULL, position bigint NOT NULL,
    key text NOT NULL, value text NOT NULL, made timestamptz NOT NULL, dice double precision NOT NULL)`,
  'CREATE TABLE newest (partition integer, key text, value text NOT NULL, PRIMARY KEY (partition, key))',
]

/** One pipeline from Kafka into Postgres, with workers in processes of their own and a producer that writes while faults hit. */
export class PostgresScene {
  readonly pipeline = uniqueName('counted-rows')
  readonly workers: WorkerProcess[] = []
  readonly feed: Feed
  readonly database: TestDatabase
  private readonly options: PostgresSceneOptions
  private readonly topic: string
  private readonly root: string
  private readonly connection: Connection
  private readonly client: Client
  private readonly taskQueue = uniqueName('guarantees')

  private constructor(
    options: PostgresSceneOptions,
    topic: string,
    root: string,
    connection: Connection,
    database: TestDatabase,
  ) {
    this.options = options
    this.topic = topic
    this.root = root
    this.connection = connection
    this.client = new Client({ connection })
    this.database = database
    this.feed = new Feed({ ...options, topic, partitions: PARTITIONS })
  }

  static async open(options: PostgresSceneOptions): Promise<PostgresScene> {
    const topic = await createTopic(options.brokers, uniqueName('numbers'), PARTITIONS)
    const root = await mkdtemp(join(tmpdir(), 'tidemark-scene-'))
    const connection = await Connection.connect({ address: options.temporalAddress })
    const database = await testDatabase(options.postgres)
    for (const table of TABLES) await database.ask(table)
    return new PostgresScene(options, topic, root, connection, database)
  }

  /** Workers polling, the pipeline started, and every partition with something committed. */
  async begin(workers: number): Promise<void> {
    const { pipeline, taskQueue } = this
    for (let n = 1; n <= workers; n++) await this.addWorker(`worker-${n}`)
    const workflowId = `tidemark/${pipeline}`
    await this.client.workflow.start('tidemarkPipeline', { workflowId, taskQueue, args: [{ pipeline }] })
    await this.until('every partition to commit something', async () => {
      const [row] = await this.database.ask<{ n: string }>('SELECT count(DISTINCT partition) AS n FROM outputs')
      return Number(row?.n) === PARTITIONS
    })
  }

  /** The receipt of a partition's ledger of the table `outputs`. */
  async ledger(partition: number): Promise<LedgerRow> {
    const [row] = await this.database.ask<Record<keyof LedgerRow, string>>(
      `SELECT seq, claim, receipt->>'epoch' AS epoch, receipt->'positions'->>'numbers' AS position
       FROM tidemark_ledger WHERE ledger_key = $1`,
      [`default/${this.pipeline}/main/${partition}/outputs`],
    )
    const of = (name: keyof LedgerRow): number => Number(row?.[name] ?? 0)
    return { seq: of('seq'), claim: of('claim'), epoch: of('epoch'), position: of('position') }
  }

  /** Waits until partition 0 has committed some times within an epoch that isn't its first; tells its ledger. */
  async midEpoch(): Promise<LedgerRow> {
    let first: LedgerRow | undefined
    return await this.until(
      'an epoch with commits',
      async () => {
        const now = await this.ledger(0)
        if (first?.epoch !== now.epoch) first = now
        return now.epoch > 2 && now.seq >= first.seq + 3 ? now : null
      },
      { every: 10 },
    )
  }

  /** The worker that holds the session of a partition now. */
  async ownerOf(partition: number): Promise<WorkerProcess> {
    return await this.until(`an owner of partition ${partition}`, async () => {
      const { session } = await this.task(partition).query<TaskStanding>('tidemark.task')
      return this.workers.find(({ identity }) => identity === session?.worker)
    })
  }

  /** Partitions that this worker holds now. */
  async ownedBy(worker: WorkerProcess): Promise<number[]> {
    const owners = await Promise.all(partitions().map((partition) => this.ownerOf(partition)))
    return partitions().filter((partition) => owners[partition] === worker)
  }

  /** The server's processes that serve this worker and wait for a lock: their ids. */
  async waiting({ identity }: WorkerProcess): Promise<number[]> {
    const rows = await this.database.ask<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
      [identity],
    )
    return rows.map(({ pid }) => pid)
  }

  /**
   * Nobody writes into that table until what this returns is called: whoever tries waits in the middle of a transaction, at
   * its rows or, with all rows written, at the receipt.
   */
  async lock(table: 'outputs' | 'tidemark_ledger'): Promise<() => Promise<void>> {
    const client = new PostgresClient({ connectionString: this.database.url })
    await client.connect()
    await client.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE`)
    return () => client.end()
  }

  past(partition: number): Promise<TaskPast> {
    return taskPast(this.client, this.task(partition).workflowId)
  }

  async until<T>(what: string, look: () => T | Promise<T>, options: WaitOptions = {}) {
    try {
      return await waitUntil(look, { timeoutMs: 60_000, ...options, for: what })
    } catch (error) {
      const logs = this.workers.map(({ identity, log }) => `--- ${identity}\n${log.split('\n').slice(-30).join('\n')}`)
      throw new Error(`${what} did not come.\n${logs.join('\n')}`, { cause: error })
    }
  }

  /** Lets the feed end and everything be processed, ends pipeline and workers in order, and judges. */
  async finish(): Promise<RowsVerdict> {
    await this.feed.end()
    await this.until(
      'everything to be committed',
      async () => {
        const ends = this.feed.ends
        const ledgers = await Promise.all(partitions().map((partition) => this.ledger(partition)))
        // The last records may come to nothing: then no commit is behind them.
        return ledgers.every(({ position }, partition) => position >= (ends[partition] ?? 0) - 2)
      },
      { timeoutMs: 90_000 },
    )
    const command = { kind: 'drain', partition: null, stage: null, reason: 'guarantee test', acceptCodeChange: false }
    const pipeline = this.client.workflow.getHandle(`tidemark/${this.pipeline}`)
    await pipeline.executeUpdate('tidemark.command', { args: [command] })
    const { state } = (await pipeline.result()) as { readonly state: string }
    if (state !== 'completed') throw new Error(`the pipeline ended ${state}`)
    for (const worker of this.workers.filter(({ runs }) => runs)) {
      const { code } = await worker.terminate()
      if (code !== 0) throw new Error(`${worker.identity} ended with ${String(code)}:\n${worker.log}`)
    }
    const verdict = await judgeCountedRows(this.options.brokers, this.topic, (text) => this.database.ask(text))
    if (verdict.numbers !== this.feed.sent) {
      throw new Error(`the topic holds ${verdict.numbers} numbers, not the ${this.feed.sent} that were sent`)
    }
    return verdict
  }

  /** Leaves nothing behind, whatever has happened. */
  async close(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.end()))
    await this.feed.stop().catch(() => undefined)
    const handles = [
      this.client.workflow.getHandle(`tidemark/${this.pipeline}`),
      ...partitions().map((p) => this.task(p)),
    ]
    for (const handle of handles) await handle.terminate('the test is over').catch(() => undefined)
    await this.connection.close()
    await this.database.drop()
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 })
  }

  private async addWorker(identity: string): Promise<void> {
    const { temporalAddress, brokers, commit, checkpoint, heartbeatTimeout } = this.options
    const { pipeline, topic, taskQueue } = this
    const settings: PostgresWorkerSettings = {
      identity,
      temporalAddress,
      brokers,
      // By this name the server tells whose connection is whose.
      postgresUrl: `${this.database.url}?application_name=${identity}`,
      pipeline,
      topic,
      taskQueue,
      commit,
      checkpoint,
      ...(heartbeatTimeout !== undefined && { heartbeatTimeout }),
    }
    this.workers.push(await WorkerProcess.start({ program, settings }, this.root))
    await this.until(`${identity} to poll for claims`, async () => {
      const { pollers } = await this.connection.workflowService.describeTaskQueue({
        namespace: 'default',
        taskQueue: { name: `${taskQueue}/claims` },
        // TASK_QUEUE_TYPE_ACTIVITY
        taskQueueType: 2,
      })
      return (pollers ?? []).some((poller) => poller.identity === identity)
    })
  }

  private task(partition: number): WorkflowHandle {
    return this.client.workflow.getHandle(`tidemark/${this.pipeline}/main/${partition}`)
  }
}
