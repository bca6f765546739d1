/** A checkpoint costs 6 history events and less than 2 KB, and no record's data ever enters history. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client'
import { definePipeline, json, type Schema, text } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig, tell } from './rig.js'
import { Topics } from './topics.js'

const CHECKPOINTS = 15
const MARK = 'the-data-of-a-record'
interface Order {
  readonly id: number
  readonly customer: string
}
const Order = z.object({ id: z.number(), customer: z.string() })
/** Of a library whose messages quote what they refuse, and that keeps to itself which names it knows. */
const quoting: Schema<unknown, Order> = {
  '~standard': {
    version: 1,
    vendor: 'quoting',
    validate: (value) => ({
      issues: [{ message: `received ${JSON.stringify(value)}`, path: Object.keys(Object(value)) }],
    }),
  },
}

const name = uniqueName('delayed-flights')
const bad = uniqueName('delayed-bad')
const quoted = uniqueName('delayed-quoted')
const schemas: Readonly<Record<string, Schema<unknown, Order>>> = {
  [name]: Order,
  [bad]: z.strictObject(Order.shape),
  [quoted]: quoting,
}
let topics: Topics
let output: Output
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  output = await Output.make()
  await topics.make(name, 1)
  await topics.make(bad, 2)
  await topics.make(quoted, 2)
  const pipelines = Object.entries(schemas).map(([topic, schema]) =>
    definePipeline({
      name: topic,
      sources: { flights: kafkaSource({ topic, key: text(), value: json(schema) }) },
      steps: ({ flights }) =>
        flights
          .filter('late', (order, ctx) => {
            if (order.id === -1) ctx.reject('not wanted')
            return true
          })
          .to('files', fileSink({ directory: `${output.directory}/${topic}`, origin: true })),
      checkpoint: { interval: '200ms' },
    }),
  )
  rig = await Rig.start({ pipelines })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  await output.remove()
})

type Event = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>[number]

/** Where any text or bytes in it hold the mark, as a path. */
function mentions(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return value.includes(MARK) ? [path] : []
  if (value instanceof Uint8Array) return Buffer.from(value).includes(MARK) ? [path] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => mentions(inner, `${path}.${key}`))
}

async function eventsOf(workflowId: string): Promise<Event[]> {
  const { events } = await rig.client.workflow.getHandle(workflowId).fetchHistory()
  return events ?? []
}

/** What an event is, by the one of its attributes that is set. */
function kindOf(event: Event): string {
  const [kind] = Object.entries(event).find(([key, value]) => key.endsWith('EventAttributes') && value !== null) ?? ['']
  return kind.replace('EventAttributes', '')
}

/** Events of a history up to a length, as its description told it, by the checkpoints among them. */
function checkpointsIn(events: readonly Event[]): number[] {
  const epochs = new Set<string>()
  const recorded: number[] = []
  for (const [i, event] of events.entries()) {
    const type = event.activityTaskScheduledEventAttributes?.activityType?.name
    if (type === 'tidemark.runEpoch') epochs.add(String(event.eventId))
    if (epochs.has(String(event.activityTaskCompletedEventAttributes?.scheduledEventId))) recorded.push(i)
  }
  return recorded
}

/** Bytes of history as the server counts them. */
const sizeOf = (description: WorkflowExecutionDescription): number =>
  Number(description.raw.workflowExecutionInfo?.historySizeBytes)

describe('history', () => {
  it('grows by 6 events and less than 2 KB at each checkpoint', { timeout: 300_000 }, async () => {
    let id = 0
    const sending = setInterval(() => {
      const messages = Array.from({ length: 20 }, () => ({
        partition: 0,
        key: `${MARK}-key`,
        value: JSON.stringify({ id: id++, customer: `${MARK}-value` }),
        headers: { [`${MARK}-name`]: `${MARK}-header` },
      }))
      void topics.produce({ topic: name, messages }).catch(() => undefined)
    }, 50)
    const task = `tidemark/${name}/main/0`
    try {
      await rig.begin(name)
      await rig.until(name, ({ tasks }) => (tasks[0]?.epoch ?? 0) >= 3)
      const first = await rig.client.workflow.getHandle(task).describe()
      const begun = (await rig.status(name)).tasks[0]?.epoch ?? 0
      await rig.until(name, ({ tasks }) => (tasks[0]?.epoch ?? 0) >= begun + CHECKPOINTS, { every: 500 })
      const last = await rig.client.workflow.getHandle(task).describe()
      const events = await eventsOf(task)
      const recorded = checkpointsIn(events)
      const between = recorded.filter((i) => i >= first.historyLength && i < last.historyLength).length
      expect(between).toBeGreaterThanOrEqual(10)
      const bytes = (sizeOf(last) - sizeOf(first)) / between
      tell(`history per checkpoint: ${Math.round(bytes)} bytes in 6 events, over ${between} checkpoints`)
      expect(bytes).toBeLessThan(2_000)
      expect(bytes, 'as the server counts it at all').toBeGreaterThan(300)
      // From one recorded checkpoint to the next, whatever the server batches: these and no others, but where a machine has
      // stood still for so long that a decision or a session was given up.
      const steps = recorded.slice(1).map((at, i) => events.slice((recorded[i] ?? 0) + 1, at + 1).map(kindOf))
      const undisturbed = steps.filter((kinds) => !kinds.some((kind) => /TimedOut|Failed/.test(kind)))
      expect(undisturbed.length).toBeGreaterThanOrEqual(10)
      for (const kinds of undisturbed) {
        expect(kinds).toEqual([
          'workflowTaskScheduled',
          'workflowTaskStarted',
          'workflowTaskCompleted',
          'activityTaskScheduled',
          'activityTaskStarted',
          'activityTaskCompleted',
        ])
      }
    } finally {
      clearInterval(sending)
    }
    await rig.pipelines.get(name).drain()
    expect((await output.lines()).length).toBeGreaterThan(100)
    for (const workflowId of [task, `tidemark/${name}`]) {
      expect(mentions(await eventsOf(workflowId)), workflowId).toEqual([])
      const { raw } = await rig.client.workflow.getHandle(workflowId).describe()
      expect(mentions(raw), `${workflowId}: memo and search attributes`).toEqual([])
    }
  })

  const refused = [
    ['that zod refuses', bad],
    ['that a library refuses which quotes it', quoted],
  ] as const
  it.each(refused)('holds no data of a bad record either, %s', { timeout: 300_000 }, async (_, topic) => {
    const record = { key: `${MARK}-key`, headers: { [`${MARK}-name`]: `${MARK}-header` } }
    const values = [`{"id":1,"customer":"${MARK}`, JSON.stringify({ id: `${MARK}-id`, customer: 4, [`${MARK}x`]: 5 })]
    const messages = values.map((value, partition) => ({ ...record, partition, value }))
    await topics.produce({ topic, messages })
    await rig.begin(topic)
    const parked = ({ tasks }: { tasks: readonly { state: string }[] }): boolean =>
      tasks.length === 2 && tasks.every((task) => task.state === 'parked')
    const status = await rig.until(topic, parked)
    expect(mentions(status)).toEqual([])
    for (const workflowId of [`tidemark/${topic}`, ...status.tasks.map((task) => task.workflowId)]) {
      expect(mentions(await eventsOf(workflowId)), workflowId).toEqual([])
      const handle = rig.client.workflow.getHandle(workflowId)
      expect(mentions((await handle.describe()).raw), `${workflowId}: memo`).toEqual([])
      expect(mentions(await handle.query('__temporal_workflow_metadata')), `${workflowId}: details`).toEqual([])
    }
  })
})
