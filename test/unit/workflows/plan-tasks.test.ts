import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { describePipeline } from '../../../src/control/describe.js'
import { discoverPartitions } from '../../../src/control/discover.js'
import { fenceGone } from '../../../src/control/fence-gone.js'
import { takeOver } from '../../../src/control/take-over.js'
import type { WorkerContext } from '../../../src/control/worker-context.js'
import type { Channel } from '../../../src/definition/channel.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import type { SinkContext } from '../../../src/definition/sink.js'
import { PartitionCountMismatch } from '../../../src/errors/source.js'
import { ACTIVITY, savedTaskWorkflowId, taskWorkflowId } from '../../../src/protocol/names.js'
import { newTask } from '../../../src/protocol/new-task.js'
import type { PipelineInput } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { MemoryLedgers } from '../../../src/testing/memory-ledger.js'
import { planTasks } from '../../../workflows/plan-tasks.js'
import { type ActivityCommand, Execution } from '../../simulation/temporal/execution.js'
import { contextOf } from '../control/contexts.js'
import { clientWith, History } from '../control/history.js'
import { KeptTasks } from '../control/kept-tasks.js'
import { numbers, transactional } from '../definition/parts.js'
import { settings } from './states.js'

vi.mock('@temporalio/workflow', () => import('../../simulation/temporal/workflow.js'))

const { signal } = new AbortController()
const never = () => Promise.reject(new Error('a start reads nothing'))

/** A pipeline of three stages that has stopped, with a savepoint `here`: tasks by stage and partition. */
class ThreeStages {
  /** How many partitions each stage has from now on. A stage without is refused. */
  partitions: Record<string, number | undefined> = { main: 1, first: 3, second: 2 }
  /** Ledgers that were opened, by stage and partition, and activities, in their order. */
  readonly opened: string[] = []
  readonly asked: string[] = []
  /** The pipeline's newest run. */
  newest = 'run-2'
  readonly past = new Map<string, TaskState>()
  private readonly ledgers = new MemoryLedgers<unknown>('here')
  private readonly server = new KeptTasks(() => this.client)

  constructor() {
    const saved = []
    for (const [stage, count = 0] of Object.entries(this.partitions))
      for (let partition = 0; partition < count; partition++) {
        const origin = { [stage === 'main' ? 'all' : stage]: '0' }
        const state = { ...newTask({ pipeline: 'three', stage, partition, settings, origin }), incarnation: 1 }
        this.past.set(taskWorkflowId('three', stage, partition), state)
        const id = savedTaskWorkflowId('three', { label: 'here' }, stage, partition)
        this.server.kept.set(id, { history: new History().started(state), open: true })
        saved.push({ stage, partition, generation: 1, epoch: 0, recordedAt: null, bytes: 0 })
      }
    this.server.complete('three', 'here', saved)
  }

  /** As the workflow plans a start. */
  async plan(input: Partial<PipelineInput>): ReturnType<typeof planTasks> {
    const facts = { runId: 'run-2', workflowId: 'tidemark/three', memo: {}, historyLength: 3 }
    const open: ActivityCommand[] = []
    let planned: Awaited<ReturnType<typeof planTasks>> | undefined
    const main = async (): Promise<TaskState> => {
      planned = await planTasks({ pipeline: 'three', ...input })
      return {} as TaskState
    }
    const run = { firstExecutionRunId: facts.runId, originalExecutionRunId: facts.runId }
    const execution = new Execution({ ...facts, ...run }, main, (command) => {
      if (command.kind === 'activity') open.push(command)
    })
    execution.apply({ kind: 'start' })
    for (await turn(); execution.end === null; await turn()) {
      const command = open.shift()
      if (command === undefined) continue
      const { seq } = command
      try {
        execution.apply({ kind: 'settled', seq, value: await this.answer(command) })
      } catch (error) {
        execution.apply({ kind: 'settled', seq, error: error as Error })
      }
    }
    const { end } = execution
    if (end.kind === 'failed') throw end.error
    if (planned === undefined) throw new Error('nothing was planned')
    return planned
  }

  private async answer({ type, input }: ActivityCommand): Promise<unknown> {
    const { context } = this
    const { stage = '' } = input as { stage?: string }
    this.asked.push(`${type.replace('tidemark.', '')} ${stage}`.trim())
    const asked = input as never
    if (type === ACTIVITY.describePipeline)
      return await describePipeline(context, asked, { workflowId: 'tidemark/three', runId: 'run-2' })
    if (type === ACTIVITY.discoverPartitions) return await discoverPartitions(context, asked, signal)
    if (type === ACTIVITY.takeOver) return await takeOver(context, asked, signal)
    if (type === ACTIVITY.fenceGone) return await fenceGone(context, asked, signal)
    throw new Error(`no activity ${type}`)
  }

  get context(): WorkerContext {
    const between = (stage: string): Channel => ({
      sink: { kind: 'log', mode: 'transactional', encode: ({ value }) => value, ...this.sinkOf() },
      source: {
        kind: 'log',
        replayable: true,
        internal: true,
        partitionOf: () => 0,
        partitions: async () => {
          const found = this.partitions[stage]
          if (found === undefined)
            throw new PartitionCountMismatch({ pipeline: 'three', source: stage, needed: 5, found: 2 })
          return found
        },
        bounds: async () => ({ start: '0', end: '0' }),
        open: never,
        decode: (record) => record.value,
        channel: ({ id }) => between(id),
      },
    })
    const all = numbers({
      partitions: async () => 1,
      bounds: async () => ({ start: '0', end: '0' }),
      channel: ({ id }) => between(id),
    })
    const pipeline = definePipeline({
      name: 'three',
      sources: { all },
      steps: (from) =>
        from.all
          .repartition('first', (n) => String(n), { key: text(), value: json() })
          .repartition('second', (n) => String(n), { key: text(), value: json() })
          .to('out', transactional(this.sinkOf())),
    })
    return contextOf([pipeline], this.server.client)
  }

  private sinkOf() {
    return {
      inspect: async ({ ledgerKey }: { ledgerKey: string }) => this.ledgers.newest(ledgerKey),
      open: (ctx: SinkContext) => {
        this.opened.push(`${ctx.stage}/${ctx.partition}`)
        return this.ledgers.open(ctx)
      },
    }
  }

  private get client(): Client {
    const getHandle = (workflowId: string) => {
      const find = (): TaskState => {
        const found = this.past.get(workflowId)
        if (found === undefined) throw new WorkflowNotFoundError('not found', workflowId, undefined)
        return found
      }
      return {
        terminate: async () => {},
        describe: async () =>
          workflowId === 'tidemark/three'
            ? { runId: this.newest, status: { name: 'RUNNING' } }
            : { runId: 'run', status: { name: 'COMPLETED' }, history: find() },
        fetchHistory: async () => ({ events: new History().started(find()).ended(find()).events }),
      }
    }
    return { workflow: { getHandle, async *list() {} }, options: clientWith([]).options } as unknown as Client
  }
}

let three: ThreeStages
beforeEach(() => {
  three = new ThreeStages()
})

describe('back to a savepoint with fewer partitions', () => {
  const rewind = { to: { savepoint: 'here' }, stage: null, partition: null }

  test('fences the tasks that there are no more when every stage has told where it goes on', async () => {
    three.partitions = { main: 1, first: 1, second: 1 }
    const { found } = await three.plan({ rewind })
    expect(found.map(({ stage, partition }) => `${stage}/${partition}`)).toEqual(['main/0', 'first/0', 'second/0'])
    expect(three.opened).toEqual(['first/1', 'first/2', 'second/1'])
    const first = three.asked.findIndex((what) => what.startsWith('fenceGone'))
    expect(three.asked.slice(first)).toEqual(['fenceGone first', 'fenceGone second'])
  })

  test('fences nobody where a later stage refuses: the next start finds all as it was', async () => {
    three.partitions = { main: 1, first: 1 }
    await expect(three.plan({ rewind })).rejects.toMatchObject({ code: 'PartitionCountMismatch' })
    expect(three.opened).toEqual([])
  })

  test('fences nobody for a start that is not the newest any more', async () => {
    three.partitions = { main: 1, first: 1, second: 1 }
    three.newest = 'run-3'
    await three.plan({ rewind })
    expect(three.opened).toEqual([])
  })

  test('is the only start that asks for it', async () => {
    await three.plan({})
    expect(three.asked.filter((what) => what.startsWith('fenceGone'))).toEqual([])
  })
})
