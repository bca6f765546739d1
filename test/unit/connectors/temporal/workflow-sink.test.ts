import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { workflowSinkDefinition, type WorkflowSinkOptions } from '../../../../src/connectors/temporal/workflow-sink.js'
import { temporalAddress } from '../../../setup/shared-servers.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { itemsOf, openSink } from '../writing.js'
import type { shipment } from './workflows.js'

type Args = Parameters<typeof shipment>
type Options = Partial<WorkflowSinkOptions<Order, Args>>

interface Order {
  readonly id: string
  readonly weight: number
}

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })

let client: Client
// No worker polls it: what is started stays open.
const taskQueue = uniqueName('shipments')
const { signal } = new AbortController()

beforeAll(async () => {
  // The worker's kind of connection, as pipelines have it.
  client = new Client({ connection: await NativeConnection.connect({ address: temporalAddress() }) })
})
afterAll(async () => {
  await (client.connection as NativeConnection).close()
})

/** Items whose ids no other test has. */
function ordersOf(count: number) {
  const run = uniqueName('order')
  const orders = Array.from({ length: count }, (_, n) => ({ id: `${run}-${n}`, weight: n }))
  const itemsFor = (options: Options, values: readonly Order[] = orders) =>
    itemsOf(sinkOf(options), ...values).map((item) => ({ ...item, id: `${run}/${item.id}` }))
  return { orders, itemsFor, run }
}

const sinkOf = (options: Options) =>
  workflowSinkDefinition<Order, Args>({
    workflow: 'shipment',
    taskQueue,
    args: (order) => [order.id, order.weight],
    ...options,
  })

async function write(options: Options, items: ReturnType<ReturnType<typeof ordersOf>['itemsFor']>, generation = 1) {
  const asked: unknown[] = []
  const connect = (...which: unknown[]) => {
    asked.push(which)
    return client
  }
  const writer = await openSink(sinkOf(options), connect, generation)
  const result = await writer.write(items, signal)
  await writer.close()
  return { ...result, asked }
}

const runOf = async (workflowId: string) => (await client.workflow.getHandle(workflowId).describe()).runId

describe('a workflow', () => {
  test('is started per item, with arguments and memo of its value, and named after the item', async () => {
    const { itemsFor, orders } = ordersOf(3)
    const options: Options = { memo: (order) => ({ weight: order.weight }) }
    const items = itemsFor(options)
    const { failed, asked } = await write(options, items)
    expect(failed).toEqual([])
    expect(asked).toEqual([['temporal', 'default']])
    for (const [n, item] of items.entries()) {
      const handle = client.workflow.getHandle(item.id)
      const { type, taskQueue: queue, memo, status } = await handle.describe()
      expect({ type, queue, memo, status: status.name }).toEqual({
        type: 'shipment',
        queue: taskQueue,
        memo: { weight: n, 'tidemark.item': item.id },
        status: 'RUNNING',
      })
      const { events } = await handle.fetchHistory()
      const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? []
      expect(payloads.map(({ data }) => Buffer.from(data ?? []).toString())).toEqual([`"${orders[n]?.id}"`, String(n)])
    }
  })

  test('is started once, however often its item is written, running or closed', async () => {
    const { itemsFor } = ordersOf(2)
    const items = itemsFor({})
    const [first, second] = items.map(({ id }) => id)
    await write({}, items)
    const runs = [await runOf(first ?? ''), await runOf(second ?? '')]
    await client.workflow.getHandle(first ?? '').terminate('done')
    expect((await write({}, items)).failed).toEqual([])
    expect([await runOf(first ?? ''), await runOf(second ?? '')]).toEqual(runs)
  })

  test('may be a function, and have an id and time-outs of its own', async () => {
    const { itemsFor, orders } = ordersOf(1)
    // As a module of workflows has it: only its name is used.
    const named = { shipment: (order: string, weight: number) => Promise.resolve(`${order} ${weight}`) }
    const options: Options = {
      workflow: named.shipment,
      workflowId: (order) => `ship/${order.id}`,
      workflowRunTimeout: '2 minutes',
      workflowExecutionTimeout: '1h',
    }
    expect((await write(options, itemsFor(options))).failed).toEqual([])
    const { raw, type } = await client.workflow.getHandle(`ship/${orders[0]?.id}`).describe()
    expect(type).toBe('shipment')
    expect(Number(raw.executionConfig?.workflowRunTimeout?.seconds)).toBe(120)
    expect(Number(raw.executionConfig?.workflowExecutionTimeout?.seconds)).toBe(3_600)
  })

  test('is started again by another generation only where that is asked for', async () => {
    const { itemsFor } = ordersOf(1)
    const items = itemsFor({})
    const id = items[0]?.id ?? ''
    await write({}, items, 1)
    const run = await runOf(id)
    expect((await write({}, items, 2)).failed).toEqual([])
    expect(await runOf(id)).toBe(run)
    expect((await write({ againWhenFresh: true }, items, 2)).failed).toEqual([])
    expect(await runOf(`${id}/g2`)).not.toBe(run)
  })
})

describe('an id that is taken', () => {
  test("by somebody else's workflow refuses the item, or skips it", async () => {
    const { itemsFor, orders } = ordersOf(1)
    const [order] = orders
    const workflowId = `ship/${order?.id}`
    await client.workflow.start('anything', { workflowId, taskQueue })
    const options: Options = { workflowId: ({ id }) => `ship/${id}` }
    const { failed } = await write(options, itemsFor(options))
    expect(failed).toMatchObject([
      {
        retryable: false,
        error: { message: `workflow ${workflowId} exists already: it was started by something else` },
      },
    ])
    expect((await write({ ...options, onExisting: 'skip' }, itemsFor(options))).failed).toEqual([])
    expect((await client.workflow.getHandle(workflowId).describe()).type).toBe('anything')
  })

  test('by another record is told from a retry', async () => {
    const { itemsFor, orders, run } = ordersOf(1)
    const [order] = orders
    if (order === undefined) throw new Error('no order')
    const options: Options = { workflowId: ({ id }) => `ship/${id}`, concurrency: 1 }
    const items = itemsFor(options, [order, order])
    const { failed } = await write(options, items)
    expect(failed).toMatchObject([{ id: items[1]?.id, retryable: false }])
    expect(failed[0]?.error.message).toContain(`it was started for ${run}/`)
    // The first one again: its own.
    expect((await write(options, items.slice(0, 1))).failed).toEqual([])
  })
})

describe('what can not be started', () => {
  test.each([
    ['an id that the server refuses', { workflowId: () => 'x'.repeat(2_000) }, 'exceeds'],
    ['arguments that are too large', { args: () => ['x'.repeat(3 * 1024 * 1024), 1] }, 'limit'],
    ['more than any request may hold', { args: () => ['x'.repeat(6 * 1024 * 1024), 1] }, 'larger than max'],
    ['arguments that are no JSON', { args: () => [1n as unknown as string, 1] }, 'convert'],
  ] as const)('%s: the item is refused, the others are started', async (_, bad, reason) => {
    const { itemsFor, orders } = ordersOf(2)
    const [first, second] = orders
    if (first === undefined || second === undefined) throw new Error('no orders')
    const [one] = itemsFor({ ...bad } as Options, [first])
    const [, two] = itemsFor({})
    if (one === undefined || two === undefined) throw new Error('no items')
    const { failed } = await write({}, [one, two])
    expect(failed.map(({ id, retryable }) => [id, retryable])).toEqual([[one.id, false]])
    expect(failed[0]?.error.message).toContain(reason)
    expect(await runOf(two.id)).toBeTypeOf('string')
  })

  test('anything, where the namespace is not there: the task parks', async () => {
    const { itemsFor } = ordersOf(1)
    await expect(write({ namespace: 'nowhere' }, itemsFor({}))).rejects.toMatchObject({
      code: 'SinkUnauthorized',
      retryable: false,
      message: expect.stringContaining('nowhere') as unknown,
    })
  })

  test('anything, where no server answers: it is tried again', async () => {
    const { itemsFor } = ordersOf(1)
    const connection = Connection.lazy({ address: '127.0.0.1:1' })
    const writer = await openSink(sinkOf({ timeout: 500 }), () => new Client({ connection }))
    expect((await writer.write(itemsFor({}), signal)).failed).toMatchObject([{ retryable: true }])
    const abort = new AbortController()
    abort.abort(new Error('closing'))
    await expect(writer.write(itemsFor({}), abort.signal)).rejects.toThrow('closing')
    await connection.close()
  })

  test('anything, with a connection that is no client', async () => {
    await expect(openSink(sinkOf({ connection: 'other' }), () => ({ address: 'x' }))).rejects.toThrow(
      "temporal connection 'other' must be a Client",
    )
  })
})
