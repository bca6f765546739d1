import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { z } from 'zod'
import { describePipeline } from '../../../src/control/describe.js'
import { discoverPartitions } from '../../../src/control/discover.js'
import { fenceGone } from '../../../src/control/fence-gone.js'
import { keepCheckpoint } from '../../../src/control/keep-checkpoint.js'
import { takeOver } from '../../../src/control/take-over.js'
import type { WorkerContext } from '../../../src/control/worker-context.js'
import { count } from '../../../src/definition/aggregators/index.js'
import type { Channel, ChannelSpec } from '../../../src/definition/channel.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSink } from '../../../src/definition/define-sink.js'
import type { AnySinkDefinition } from '../../../src/definition/define-sink.js'
import { type AnySourceDefinition, defineSource } from '../../../src/definition/define-source.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import type { SinkContext, TransactionalSink } from '../../../src/definition/sink.js'
import type { SourceContext, SourceDefinition, SourceRecord } from '../../../src/definition/source.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import { tumbling } from '../../../src/definition/windows.js'
import { keyHash } from '../../../src/connectors/kafka/sink/murmur2.js'
import { taskWorkflowId } from '../../../src/protocol/names.js'
import type { NormalInput } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { MemoryLedgers } from '../../../src/testing/memory-ledger.js'
import { Task } from '../engine/task.js'
import { clientWith, History } from './history.js'
import { contextOf } from './contexts.js'
import { KeptTasks } from './kept-tasks.js'

const { signal } = new AbortController()

const clickSchema = z.object({ user: z.string(), at: z.number() })
export type Click = z.infer<typeof clickSchema>

/** What comes out: how often a user was seen so far, and in each second. */
export type Result =
  { readonly user: string; readonly nth: number } | { readonly second: string; readonly clicks: number }

interface Carried {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly timestamp: number
  readonly sender: { readonly partition: number; readonly watermark: number } | undefined
}

const WINDOW_MS = 1_000

/** A pipeline of two stages on a server, a broker and sinks in memory, task by task as its workflows would have it. */
export class TwoStages {
  /** By partition. */
  readonly input: Click[][]
  /** What lies between the stages: by topic, by partition. */
  readonly topics = new Map<string, Carried[][]>()
  /** The tasks' newest states, as their ended workflows have them. */
  readonly ended: Map<string, TaskState>
  readonly server: KeptTasks
  private readonly name: string
  readonly tasks: Task[] = []
  /** Bytes of state that history may hold. */
  limit: number | null = null
  /** What the pipeline's newest run is, and how it stands. */
  run = { runId: 'run-00001', status: 'COMPLETED' }
  private readonly out = new MemoryLedgers<Result>('out')
  private readonly between = new MemoryLedgers<unknown>('between')
  private partitions: number
  private readonly backend: StateBackend | null

  /** `of`: on the server of that one, over the same input. */
  constructor(options: {
    readonly inputs: number
    readonly partitions: number
    readonly backend?: StateBackend
    readonly name?: string
    readonly of?: TwoStages
  }) {
    const { inputs, partitions, backend = null, name = 'clicks', of } = options
    this.input = of?.input ?? Array.from({ length: inputs }, () => [])
    this.partitions = partitions
    this.backend = backend
    this.name = name
    this.ended = of?.ended ?? new Map<string, TaskState>()
    this.server = of?.server ?? new KeptTasks(() => this.client)
  }

  get results(): readonly Result[] {
    return this.out.items().map(({ data }) => data)
  }

  /** The worker as it is now: with so many partitions between the stages. */
  get context(): WorkerContext {
    return contextOf([this.pipeline], this.server.client)
  }

  /** How many receipts there are at the end of it. */
  get receipts(): number {
    const ledgers = Array.from({ length: 8 }, (_, p) => this.out.commits(`unit/${this.name}/by-user/${p}/out`).length)
    return ledgers.reduce((a, b) => a + b)
  }

  /** Another number of partitions from the next start on. */
  ask(partitions: number): void {
    this.partitions = partitions
  }

  get pipeline(): Pipeline {
    const clicks = defineSource<Click, Click, string>({
      kind: 'log',
      replayable: true,
      key: (record) => Buffer.from(record.key ?? []).toString(),
      partitions: async () => this.input.length,
      bounds: async ({ partition }) => ({ start: '0', end: String(this.input[partition]?.length ?? 0) }),
      decode: ({ value }) => value,
      channel: (spec) => this.channel(spec),
      open: async ({ partition, position }) =>
        reader(Number(position), () =>
          (this.input[partition] ?? []).map((value) => ({ key: Buffer.from(value.user), value, timestamp: value.at })),
        ),
    })
    return definePipeline({
      name: this.name,
      sources: { clicks },
      ...(this.backend !== null
        ? { state: { backend: this.backend } }
        : this.limit !== null && { state: { inlineLimit: this.limit } }),
      steps: ({ clicks: all }) => {
        const users = all
          .eventTime('at', (c) => c.at, { maxDisorder: 100 })
          .repartition('by-user', (c) => c.user, { key: text(), value: json(clickSchema), partitions: this.partitions })
        const out = defineSink<Result, Result>({
          kind: 'memory',
          mode: 'transactional',
          encode: ({ value }) => value,
          inspect: async ({ ledgerKey }) => this.out.newest(ledgerKey),
          open: (ctx) => this.out.open(ctx),
        })
        const nth = users.count('nth').map('nth-row', (n, ctx): Result => ({ user: ctx.key, nth: n }))
        const windows = users
          .window('seconds', tumbling(WINDOW_MS), count())
          .map('second-row', ({ key, start, value }): Result => ({ second: `${key} ${start}`, clicks: value }))
        return nth.merge('both', windows).to('out', out)
      },
    })
  }

  /** Plans and takes over, as a start does: the tasks it begins with. */
  async start(given: Partial<NormalInput> & { readonly pipeline?: string } = {}): Promise<Task[]> {
    const runId = `run-${String(Number(this.run.runId.slice(4)) + 1).padStart(5, '0')}`
    this.run = { runId, status: 'RUNNING' }
    const { rewind, fresh } = given
    const input = {
      pipeline: this.name,
      ...(rewind !== undefined && { rewind }),
      ...(fresh !== undefined && { fresh }),
    }
    const { context } = this
    const plan = await describePipeline(context, input, { workflowId: `tidemark/${this.name}`, runId: runId.slice(4) })
    const channel = plan.channel === undefined ? {} : { channel: plan.channel }
    const states: TaskState[] = []
    const counts: [string, number][] = []
    for (const { id: stage } of plan.stages) {
      const at = { pipeline: this.name, stage, ...channel }
      const { partitions } = await discoverPartitions(context, { ...at, count: true, running: [] }, signal)
      const all = Array.from({ length: partitions }, (_, p) => p)
      const asked = {
        ...at,
        partitions: all,
        settings: plan.settings,
        input: plan.input,
        late: false,
        incarnation: 0,
        count: partitions,
      }
      states.push(...(await takeOver(context, asked, signal)).tasks)
      counts.push([stage, partitions])
    }
    if (rewind !== undefined && rewind.of === undefined)
      for (const [stage, from] of counts) await fenceGone(context, { pipeline: this.name, stage, from, runId }, signal)
    const incarnation = Math.max(...states.map((state) => state.incarnation)) + 1
    const tasks = states.map((state) => {
      const task = new Task(this.pipeline, { stage: state.stage })
      task.state = { ...state, incarnation }
      return task
    })
    this.tasks.push(...tasks)
    for (const task of tasks) await task.claim()
    return tasks
  }

  /** A task goes on up to there: as a drain tells it, or a bounded run. */
  async goOn(task: Task, until: number, stops: boolean): Promise<void> {
    const [source = ''] = Object.keys(task.state.checkpoint.positions)
    const { ended } = await task.epoch({ until: { [source]: String(until) }, ...(stops && { stops: true }) })
    if (ended !== (stops ? 'drained' : 'until')) throw new Error(`it ended by ${ended}`)
  }

  /** Stage by stage up to the end of what there is, as the pipeline's workflow does it. */
  async stop(tasks: readonly Task[], stops: boolean, ofMain = (task: Task) => this.endOf(task)): Promise<void> {
    for (const stage of ['main', 'by-user']) {
      for (const task of tasks.filter(({ state }) => state.stage === stage)) {
        await this.goOn(task, stage === 'main' ? ofMain(task) : this.endOf(task), stops)
        const phase = stops ? 'drained' : 'completed'
        this.ended.set(taskWorkflowId(this.name, stage, task.state.partition), { ...task.state, phase })
        await task.lose()
      }
    }
    this.run = { ...this.run, status: 'COMPLETED' }
  }

  /** Of the source that a task reads, now. */
  endOf({ state: { stage, partition, channel } }: Task): number {
    if (stage === 'main') return this.input[partition]?.length ?? 0
    return this.topics.get(`by-user/${channel ?? ''}`)?.[partition]?.length ?? 0
  }

  /** Their workflows have begun, and are ended by hand before they did anything. */
  begun(tasks: readonly Task[]): void {
    for (const { state } of tasks)
      this.ended.set(taskWorkflowId(this.name, state.stage, state.partition), { ...state, phase: 'cancelled' })
    this.run = { ...this.run, status: 'TERMINATED' }
  }

  async save(label: string, tasks: readonly Task[]): Promise<void> {
    const saved = []
    for (const { state } of tasks) {
      const { stage, partition } = state
      const asked = { pipeline: this.name, label, stage, partition, atRest: this.run.runId }
      saved.push(await keepCheckpoint(this.context, asked, 'savepoint-1', signal))
    }
    this.server.complete(this.name, label, saved)
  }

  async close(): Promise<void> {
    for (const task of this.tasks) await task.lose()
  }

  private topic(id: string, { channel = '' }: Pick<SourceContext, 'channel'>): Carried[][] {
    const name = `${id}/${channel}`
    let topic = this.topics.get(name)
    if (topic === undefined) {
      topic = Array.from({ length: this.partitions }, () => [])
      this.topics.set(name, topic)
    }
    return topic
  }

  private channel(spec: ChannelSpec): Channel {
    const sink: TransactionalSink<unknown, Carried> = {
      kind: 'memory',
      mode: 'transactional',
      encode: ({ key, value, timestamp, watermark, origin: { partition } }) => ({
        key: key ?? Buffer.alloc(0),
        value: spec.value.encode(value),
        timestamp,
        sender: watermark === undefined ? undefined : { partition, watermark },
      }),
      digest: ({ value }) => value,
      inspect: async ({ ledgerKey }) => this.between.newest(ledgerKey),
      open: (ctx) => this.openChannel(spec, ctx),
    }
    const source: SourceDefinition<Uint8Array, unknown, unknown> = {
      kind: 'memory',
      replayable: true,
      internal: true,
      partitionOf: (key, partitions) => keyHash(key) % partitions,
      decode: (record) =>
        spec.value.decode(record.value, { topic: '', headers: { get: () => null } as never, isKey: false }),
      key: (record) => Buffer.from(record.key ?? []).toString(),
      ...(spec.timed !== null && { senders: spec.senders }),
      partitions: async (ctx) => this.topic(spec.id, ctx).length,
      bounds: async (ctx) => {
        const end = this.topic(spec.id, ctx)[ctx.partition]?.length ?? 0
        return { start: '0', end: String(end), identity: `topic ${ctx.channel ?? ''}` }
      },
      open: async (ctx) => ({
        ...reader(Number(ctx.position), () => this.topic(spec.id, ctx)[ctx.partition] ?? []),
        identity: `topic ${ctx.channel ?? ''}`,
      }),
    }
    return { sink: sink as AnySinkDefinition, source: source as AnySourceDefinition }
  }

  private async openChannel({ id }: ChannelSpec, ctx: SinkContext) {
    const writer = await this.between.open(ctx)
    let waiting: Carried[] = []
    return {
      receipt: writer.receipt,
      write: async (items: readonly { id: string; sink: string; data: Carried }[]) => {
        waiting.push(...items.map(({ data }) => data))
        await writer.write(items)
      },
      commit: async (receipt: Parameters<typeof writer.commit>[0]) => {
        await writer.commit(receipt)
        const topic = this.topic(id, ctx)
        for (const one of waiting) topic[keyHash(one.key) % topic.length]?.push(one)
        waiting = []
      },
      abort: async () => {
        waiting = []
        await writer.abort()
      },
      close: () => writer.close(),
    }
  }

  private get client(): Client {
    const getHandle = (workflowId: string) => {
      const find = (): TaskState => {
        const found = this.ended.get(workflowId)
        if (found === undefined) throw new WorkflowNotFoundError('not found', workflowId, undefined)
        return found
      }
      const { runId, status } = this.run
      return {
        terminate: async () => {},
        describe: async () =>
          workflowId === `tidemark/${this.name}`
            ? { runId, status: { name: status } }
            : { runId: 'run', status: { name: 'COMPLETED' }, history: find() },
        fetchHistory: async () => ({ events: new History().started(find()).ended(find()).events }),
      }
    }
    return { workflow: { getHandle, async *list() {} }, options: clientWith([]).options } as unknown as Client
  }
}

/** What has to come of all clicks, counted without any of it. */
export function expected(input: readonly (readonly Click[])[]): readonly string[] {
  const users = new Map<string, number>()
  const seconds = new Map<string, number>()
  for (const { user, at } of input.flat()) {
    users.set(user, (users.get(user) ?? 0) + 1)
    const second = `${user} ${Math.floor(at / WINDOW_MS) * WINDOW_MS}`
    seconds.set(second, (seconds.get(second) ?? 0) + 1)
  }
  const nth = [...users].flatMap(([user, n]) => Array.from({ length: n }, (_, i) => textOf({ user, nth: i + 1 })))
  return [...nth, ...[...seconds].map(([second, clicks]) => textOf({ second, clicks }))].toSorted()
}

export const textOf = (result: Result): string => JSON.stringify(result)

function reader<R>(from: number, all: () => readonly { key: Uint8Array; value: R; timestamp: number }[]) {
  let at = from
  return {
    async poll({ maxWaitMs, signal: ended }: { maxWaitMs: number; signal: AbortSignal }) {
      const records = all()
        .slice(at)
        .map((record, i): SourceRecord<R> => ({ ...record, position: String(at + i), next: String(at + i + 1) }))
      if (records.length === 0) await new Promise((done) => setTimeout(done, Math.min(maxWaitMs, 5)))
      ended.throwIfAborted()
      at += records.length
      return { records, next: String(at), lag: 0 }
    },
    async close() {},
  }
}
