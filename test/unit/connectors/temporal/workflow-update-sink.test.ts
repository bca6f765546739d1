import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { workflowUpdateSinkDefinition } from '../../../../src/connectors/temporal/workflow-sink.js'
import { temporalAddress } from '../../../setup/shared-servers.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { itemsOf, openSink } from '../writing.js'

interface Booking {
  readonly account: string
  readonly amount: number
}

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })

let client: Client
let worker: Worker
let ended: Promise<void>
const taskQueue = uniqueName('accounts')
const { signal } = new AbortController()

beforeAll(async () => {
  // The worker's own connection, as pipelines have it.
  const connection = await NativeConnection.connect({ address: temporalAddress() })
  client = new Client({ connection })
  const workflowsPath = fileURLToPath(new URL('workflows.ts', import.meta.url))
  worker = await Worker.create({ connection, taskQueue, workflowsPath })
  ended = worker.run()
})
afterAll(async () => {
  worker.shutdown()
  await ended
  await (client.connection as NativeConnection).close()
})

const sink = workflowUpdateSinkDefinition<Booking, [], [amount: number]>({
  workflow: 'account',
  taskQueue,
  workflowId: ({ account }) => account,
  args: () => [],
  update: 'add',
  updateArgs: ({ amount }) => [amount],
  concurrency: 1,
})

async function write(items: ReturnType<typeof bookingsOf>) {
  const writer = await openSink(sink, () => client)
  return await writer.write(items, signal)
}

function bookingsOf(account: string, ...amounts: readonly number[]) {
  const items = itemsOf(sink, ...amounts.map((amount) => ({ account, amount })))
  return items.map((item) => ({ ...item, id: `${account}/${item.id}` }))
}

const balanceOf = (account: string): Promise<unknown> =>
  client.workflow.getHandle(account).executeUpdate('add', { args: [0] })

test('the workflow is started with the first value, and updated with each, once per id', async () => {
  const account = uniqueName('account')
  const items = bookingsOf(account, 1, 10, 100)
  expect(await write(items)).toEqual({ failed: [] })
  const { runId } = await client.workflow.getHandle(account).describe()
  expect(await balanceOf(account)).toBe(111)
  // Again, as after a crash.
  expect(await write(items)).toEqual({ failed: [] })
  expect(await balanceOf(account)).toBe(111)
  expect((await client.workflow.getHandle(account).describe()).runId).toBe(runId)
  await client.workflow.getHandle(account).terminate('the test ends')
})

test('what its validator or its handler throws refuses the item, and no other', async () => {
  const account = uniqueName('account')
  const items = bookingsOf(account, 1, -5, 13, 10)
  const { failed } = await write(items)
  expect(failed.map(({ id, retryable }) => [id, retryable])).toEqual([
    [items[1]?.id, false],
    [items[2]?.id, false],
  ])
  expect(failed.map(({ error }) => error.message)).toEqual([
    expect.stringContaining('only more'),
    expect.stringContaining('not thirteen'),
  ])
  expect(await balanceOf(account)).toBe(11)
  await client.workflow.getHandle(account).terminate('the test ends')
})

test('without a worker it is tried again', async () => {
  const account = uniqueName('account')
  const lonely = workflowUpdateSinkDefinition<Booking, [], [amount: number]>({
    workflow: 'account',
    taskQueue: uniqueName('nobody'),
    workflowId: () => account,
    args: () => [],
    update: 'add',
    updateArgs: ({ amount }) => [amount],
    timeout: '2s',
  })
  const writer = await openSink(lonely, () => client)
  const items = itemsOf(lonely, { account, amount: 1 })
  expect((await writer.write(items, signal)).failed).toMatchObject([{ retryable: true }])
  await client.workflow.getHandle(account).terminate('the test ends')
})
