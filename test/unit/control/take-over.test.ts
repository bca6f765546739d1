import { WorkflowNotFoundError } from '@temporalio/client'
import { beforeEach, describe, expect, test } from 'vitest'
import { takeOver } from '../../../src/control/take-over.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSink } from '../../../src/definition/define-sink.js'
import { defineSource } from '../../../src/definition/define-source.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Receipt } from '../../../src/definition/sink.js'
import type { BoundsContext } from '../../../src/definition/source.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { NormalInput, TakeOverInput } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { owner, receiptOf } from '../engine/claims.js'
import { settings, taskState } from '../workflows/states.js'
import { contextOf } from './contexts.js'
import { clientWith, History } from './history.js'

const never = () => Promise.reject(new Error('a start opens nothing'))
const normal: NormalInput = { until: null, fresh: false, from: null }

/** The newest receipts of the two sinks, by partition. */
let receipts: Record<'a' | 'b', Record<number, Receipt>>
/** Histories by workflow id. */
let histories: Map<string, History>
let did: string[]
let asked: BoundsContext[]
let pipeline: Pipeline

const sinkOf = (id: 'a' | 'b') =>
  defineSink<number, number>({
    kind: 'table',
    mode: 'transactional',
    encode: ({ value }) => value,
    open: never,
    async inspect(ctx) {
      did.push(`inspect ${ctx.ledgerKey}`)
      return receipts[id][ctx.partition] ?? null
    },
  })

const logSource = () =>
  defineSource<number, number>({
    kind: 'log',
    replayable: true,
    partitions: async () => 3,
    async bounds(ctx) {
      asked.push(ctx)
      const start = ctx.startAt === undefined ? '10' : ctx.startAt === 'earliest' ? '0' : '90'
      return { start, end: '100', identity: 'log-id' }
    },
    open: never,
    decode: (record) => record.value,
  })

beforeEach(() => {
  ;[receipts, histories, did, asked] = [{ a: {}, b: {} }, new Map(), [], []]
  pipeline = definePipeline({
    name: 'delays',
    sources: { flights: logSource() },
    steps: ({ flights }) => [flights.to('a', sinkOf('a')), flights.to('b', sinkOf('b'))],
  })
})

/** A server's answers about those histories. */
function client(): unknown {
  const handle = (workflowId: string) => {
    const found = (): History => {
      const history = histories.get(workflowId)
      if (history !== undefined) return history
      throw new WorkflowNotFoundError('not found', workflowId, undefined)
    }
    return {
      async terminate() {
        did.push(`terminate ${workflowId}`)
        found()
      },
      async describe() {
        found()
        return { runId: 'run' }
      },
      async fetchHistory() {
        did.push(`read ${workflowId}`)
        return { events: found().events }
      },
    }
  }
  return { options: clientWith([]).options, workflow: { getHandle: handle } }
}

const start = async (
  input: Partial<NormalInput> = {},
  more: Partial<TakeOverInput> = {},
): Promise<readonly TaskState[]> => {
  const context = contextOf([pipeline], client())
  const base = { pipeline: 'delays', stage: 'main', partitions: [0], settings, incarnation: 9, late: false }
  const { signal } = new AbortController()
  const { tasks } = await takeOver(context, { ...base, input: { ...normal, ...input }, ...more }, signal)
  return tasks
}

const one = async (...args: Parameters<typeof start>): Promise<TaskState> => {
  const [task] = await start(...args)
  if (task === undefined) throw new Error('no task')
  return task
}

const past = (state: Partial<TaskState> = {}, partition = 0): TaskState => {
  const task = taskState({ partition, session: null, ...state })
  histories.set(`tidemark/delays/main/${partition}`, new History().started(task))
  return task
}

describe('a first start', () => {
  test('begins a generation where the source says, known by nobody', async () => {
    expect(await one()).toMatchObject({
      generation: 1,
      incarnation: 0,
      claim: 0,
      origin: { flights: '10' },
      checkpoint: { epoch: 0, positions: { flights: '10' }, ledgers: {}, identities: { flights: 'log-id' } },
      scheduled: null,
      until: null,
      phase: 'running',
    })
  })

  test('begins where it is told, and ends at what is there now', async () => {
    const task = await one({ from: 'latest', until: 'latest' })
    expect(task).toMatchObject({ origin: { flights: '90' }, until: { flights: '100' } })
    expect(asked[0]).toMatchObject({ startAt: 'latest', partition: 0, source: 'flights', pipeline: 'delays' })
  })
})

describe('a start that goes on', () => {
  test('may let go of state that no step takes; a task of that very start keeps being allowed to', async () => {
    past({ incarnation: 8 })
    expect(await one({ allowNonRestoredState: true })).toMatchObject({ allowNonRestoredState: true })
    expect(await one()).not.toHaveProperty('allowNonRestoredState')
    past({ incarnation: 9, allowNonRestoredState: true })
    expect(await one({}, { late: true })).toMatchObject({ allowNonRestoredState: true })
  })

  test('closes the old run before it reads it', async () => {
    past()
    await start()
    const [terminate, read] = ['terminate tidemark/delays/main/0', 'read tidemark/delays/main/0']
    expect(did.indexOf(terminate)).toBeGreaterThanOrEqual(0)
    expect(did.lastIndexOf(read)).toBeGreaterThan(did.indexOf(terminate))
  })

  test("goes on at the last checkpoint, with the epoch that was scheduled, and with nobody's pause or problem", async () => {
    const before = past({ phase: 'paused', paused: { reason: 'night', at: 1 }, ownerRunId: 'old', fencedByOthers: 2 })
    histories.get('tidemark/delays/main/0')?.scheduled(ACTIVITY.runEpoch, { epoch: 8, time: 8_000, seed: 'eight' })
    expect(await one()).toEqual({
      ...before,
      settings,
      scheduled: { epoch: 8, time: 8_000, seed: 'eight' },
      ownerRunId: null,
      phase: 'running',
      paused: null,
      fencedByOthers: 0,
    })
    expect(asked).toEqual([])
  })

  test('a bound is that of this start', async () => {
    past({ until: { flights: '50' } })
    expect((await one()).until).toBeNull()
    past({ until: { flights: '50' } })
    expect((await one({ until: 'latest' })).until).toEqual({ flights: '100' })
  })

  test('can not be told where to begin', async () => {
    past()
    await expect(one({ from: 'earliest' })).rejects.toMatchObject({
      code: 'InvalidCommand',
      message: expect.stringContaining('"flights":"1234567"'),
    })
  })

  test('a source that the pipeline did not have before begins where its options say', async () => {
    past()
    pipeline = definePipeline({
      name: 'delays',
      sources: { flights: logSource(), more: logSource() },
      steps: ({ flights, more }) => [flights.to('a', sinkOf('a')), more.to('b', sinkOf('b'))],
    })
    const task = await one()
    expect(task.checkpoint.positions).toEqual({ flights: '1234567', more: '10' })
    expect(task.origin).toMatchObject({ more: '10' })
  })

  test('partitions that were added since begin at earliest', async () => {
    past()
    const [known, added] = await start({}, { partitions: [0, 1] })
    expect(known?.checkpoint.positions).toEqual({ flights: '1234567' })
    expect(added?.origin).toEqual({ flights: '0' })
  })

  test('so do those that are discovered late, whatever the start said', async () => {
    expect((await one({ from: 'latest' }, { partitions: [2], late: true })).origin).toEqual({ flights: '0' })
  })

  test('a task that got lost while its pipeline runs goes on as it was', async () => {
    const before = past({ incarnation: 9, until: { flights: '50' } })
    expect(await one({ fresh: true, until: 'latest' })).toEqual({ ...before, settings, ownerRunId: null })
  })
})

describe('a fresh start', () => {
  test('is a generation above all that history and ledgers show', async () => {
    past({ generation: 4, incarnation: 7 })
    receipts.a[0] = receiptOf({ owner: owner(6, 3, 1) })
    receipts.b[0] = receiptOf({ owner: owner(2, 8, 1) })
    expect(await one({ fresh: true })).toMatchObject({
      generation: 7,
      incarnation: 8,
      claim: 0,
      checkpoint: { epoch: 0, positions: { flights: '10' }, ledgers: {} },
      scheduled: null,
    })
  })

  test('reads the ledgers under the names that sessions use', async () => {
    await start({ fresh: true }, { partitions: [1] })
    expect(did).toEqual(expect.arrayContaining(['inspect unit/delays/main/1/a', 'inspect unit/delays/main/1/b']))
  })
})

describe('where history is gone and ledgers are not', () => {
  test('the task goes on from their receipts', async () => {
    receipts.a[0] = receiptOf({ seq: 12, epoch: 6, positions: { flights: '70' }, owner: owner(3, 5, 2), digest: 'da' })
    receipts.b[0] = receiptOf({ seq: 4, epoch: 2, positions: { flights: '70' }, owner: owner(3, 6, 2), digest: 'db' })
    expect(await one()).toMatchObject({
      generation: 3,
      incarnation: 6,
      checkpoint: {
        epoch: 6,
        positions: { flights: '70' },
        ledgers: { a: { seq: 12, digest: 'da' }, b: { seq: 4, digest: 'db' } },
      },
    })
  })

  test('but not where they differ: nobody knows what the one that is behind lacks', async () => {
    receipts.a[0] = receiptOf({ positions: { flights: '70' } })
    receipts.b[0] = receiptOf({ positions: { flights: '60' } })
    await expect(one()).rejects.toMatchObject({ code: 'LedgerAhead', details: { sink: 'b' } })
  })

  test('and it can not be told where to begin either', async () => {
    receipts.a[0] = receiptOf({ positions: { flights: '70' } })
    await expect(one({ from: 'latest' })).rejects.toMatchObject({ code: 'InvalidCommand' })
  })
})

test('tasks come in the order of their partitions', async () => {
  expect((await start({}, { partitions: [2, 0, 1] })).map(({ partition }) => partition)).toEqual([0, 1, 2])
})
