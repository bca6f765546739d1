/**
 * The promise: each record starts its workflow once and reaches its service at least once, with the same key on every
 * attempt; what the service refuses becomes one dead letter, whatever its worker is killed in the middle of. No secret of
 * the worker's connection shows in history or letters.
 */
import { Client, Connection } from '@temporalio/client'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PipelineClient } from 'tidemark/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { supervise, type Supervised } from '../../src/dev/supervise.js'
import type { TriggerSettings } from '../fixtures/trigger-worker.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Service } from '../unit/connectors/http/service.js'
import { Output } from './output.js'
import { numbers, Topics } from './topics.js'

const PARTITIONS = 2
const COUNT = 400
const KILLS = 3
const name = uniqueName('triggers')
const taskQueue = uniqueName('tidemark')
const token = 's3cret-token'
const program = fileURLToPath(new URL('../../dist/test/fixtures/trigger-worker.js', import.meta.url))
const isRefused = (n: number): boolean => n % 10 === 7

let topics: Topics
let service: Service
let letters: Output
let client: Client
let worker: Supervised | undefined
let started = 0

beforeAll(async () => {
  topics = new Topics()
  await topics.make(name, PARTITIONS)
  for (let p = 0; p < PARTITIONS; p++) await topics.send(name, p, numbers(COUNT))
  service = await Service.start()
  service.reply = ({ body }, nth) => {
    const after = 10
    if (nth % 50 === 0) return { status: 503, headers: { 'retry-after': '0' }, after }
    return isRefused((JSON.parse(body) as { n: number }).n)
      ? { status: 422, body: 'no seven', after }
      : { status: 200, after }
  }
  letters = await Output.make()
  client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) })
})
afterAll(async () => {
  await worker?.end()
  for await (const { workflowId } of client.workflow.list({ query: `TaskQueue = '${name}-sagas'` })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate('the test ends')
      .catch(() => undefined)
  }
  await client.connection.close()
  await service.stop()
  await letters.remove()
  await topics.close()
})

it('starts each workflow once, and dead-letters each refused record once, though workers are killed', async () => {
  await startWorker()
  const handle = await new PipelineClient(client).start(name, { taskQueue, until: 'latest' })
  for (let kills = 1; kills <= KILLS; kills++) {
    const enough = (kills * PARTITIONS * COUNT) / (KILLS + 2)
    await waitUntil(() => new Set(service.keys).size >= enough, { for: 'the next kill', timeoutMs: 90_000 })
    const pid = worker?.pid()
    // Zero would be this process and all its group.
    if (typeof pid !== 'number') throw new Error('the worker has ended by itself')
    process.kill(pid, 'SIGKILL')
    await worker?.end()
    await startWorker()
  }
  await waitUntil(async () => (await handle.status()).state === 'completed', { for: 'the end', timeoutMs: 90_000 })

  const all = Array.from({ length: PARTITIONS }, (_, p) => Array.from({ length: COUNT }, (__, n) => idOf(p, n))).flat()
  // Outside: what Temporal has, every run of it.
  const listed = async (): Promise<string[] | null> => {
    const found = await runs()
    return found.length >= all.length ? found : null
  }
  const found = await waitUntil(listed, { for: 'the workflows to be listed', timeoutMs: 90_000 })
  expect(found.toSorted((a, b) => a.localeCompare(b))).toEqual(all.toSorted((a, b) => a.localeCompare(b)))
  // What the service has seen: every record, under its own key, and some of them again.
  expect(new Set(service.keys)).toEqual(new Set(all))
  for (const { body, headers } of service.seen) {
    expect(headers['idempotency-key']).toMatch(new RegExp(`-${(JSON.parse(body) as { n: number }).n}-0$`))
    expect(headers.authorization).toBe(`Bearer ${token}`)
  }
  const texts = await letters.texts()
  const told = texts.map((text) => JSON.parse(text) as { step: string; reason: string; origin: Origin })
  expect(told.map(({ origin }) => idOf(origin.partition, Number(origin.position))).toSorted()).toEqual(
    all.filter((id) => isRefused(Number(id.split('-').at(-2)))).toSorted(),
  )
  for (const { step, reason } of told) {
    expect(step).toBe('erp')
    expect(reason).toBe(`POST ${service.url}/orders answered 422: no seven`)
  }
  const { counters } = await handle.status()
  expect(counters).toMatchObject({ read: all.length, deadLettered: told.length })
  expect(texts.join('\n')).not.toContain(token)
  for (const id of [handle.workflowId, ...(await handle.status()).tasks.map((task) => task.workflowId)]) {
    const history = textOf(await client.workflow.getHandle(id).fetchHistory())
    expect(history).toContain(name)
    expect(history).not.toContain(token)
  }
}, 480_000)

/** All that a history says, its payloads included. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.values(value).map(textOf).join(' ')
}

interface Origin {
  readonly partition: number
  readonly position: string
}

const idOf = (partition: number, position: number): string => `${name}/main/numbers-${partition}-${position}-0`

async function runs(): Promise<string[]> {
  const found: string[] = []
  for await (const { workflowId } of client.workflow.list({ query: `TaskQueue = '${name}-sagas'` }))
    found.push(workflowId)
  return found
}

async function startWorker(): Promise<void> {
  const settings: TriggerSettings = {
    name,
    taskQueue,
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    directory: letters.directory,
    service: service.url,
    token,
  }
  const logFile = join(letters.directory, `worker-${++started}.log`)
  worker = supervise({ command: process.execPath, args: [program, JSON.stringify(settings)], logFile })
  await worker.start()
}
