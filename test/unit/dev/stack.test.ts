import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { Client, Connection } from '@temporalio/client'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { isFree } from '../../../src/dev/ports.js'
import { startDevStack, type DevStack } from '../../../src/dev/stack.js'
import { startTemporal } from '../../../src/dev/temporal-server.js'
import { isAlive } from '../../setup/process-alive.js'
import { createTopic } from '../../setup/topics.js'
import { uniqueName } from '../../setup/unique-name.js'
import { waitUntil } from '../../setup/wait-until.js'

// Servers start within seconds, but not on a machine that is busy with something else.
vi.setConfig({ testTimeout: 180_000 })

let data: string
let stack: DevStack
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'tidemark-test-stack-'))
  stack = await startDevStack({ dataDirectory: data, dynamicConfig: { 'limit.maxIDLength': 100 } })
})
afterAll(async () => {
  await stack?.stop()
  await rm(data, { recursive: true })
})

async function withTemporal<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address })
  try {
    return await use(new Client({ connection }))
  } finally {
    await connection.close()
  }
}

const startWorkflow = (address: string, workflowId: string): Promise<unknown> =>
  withTemporal(address, ({ workflow }) => workflow.start('nobody', { workflowId, taskQueue: 'nobody' }))

const statusOf = (address: string, workflowId: string): Promise<string> =>
  withTemporal(address, async ({ workflow }) => (await workflow.getHandle(workflowId).describe()).status.name)

async function topicsOf(brokers: readonly string[]): Promise<string[]> {
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  try {
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

describe('the development stack', () => {
  it('serves, with a Web UI', async () => {
    expect(stack.temporal.namespace).toBe('default')
    expect((await fetch(stack.temporal.uiAddress!)).status).toBe(200)
    expect(await topicsOf(stack.kafka.brokers)).toEqual(expect.any(Array))
  })

  it('obeys the given dynamic configuration', async () => {
    await expect(startWorkflow(stack.temporal.address, 'x'.repeat(101))).rejects.toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ details: expect.stringContaining('length exceeds limit') }),
      }),
    )
  })

  it('has Temporal keep workflows through a crash and a restart', async () => {
    const id = uniqueName('workflow')
    await startWorkflow(stack.temporal.address, id)
    const before = stack.temporal.pid()
    await stack.temporal.kill()
    expect(stack.temporal.pid()).toBe(null)
    await stack.temporal.restart()
    expect(stack.temporal.pid()).not.toBe(before)
    expect(await statusOf(stack.temporal.address, id)).toBe('RUNNING')
  })

  it('has Kafka keep topics through a crash and a restart', async () => {
    const topic = await createTopic(stack.kafka.brokers, uniqueName('topic'), 2)
    await stack.kafka.kill()
    await stack.kafka.restart()
    expect(await topicsOf(stack.kafka.brokers)).toContain(topic)
  })

  it('can be stopped in its tracks', async () => {
    stack.temporal.pause()
    let answer: Promise<unknown> | undefined
    const isSilent = async (): Promise<boolean> => {
      answer = statusOf(stack.temporal.address, 'none').catch((error: unknown) => error)
      return (await Promise.race([answer, sleep(500, 'silence')])) === 'silence'
    }
    // A supervisor passes the signal on, when it gets its turn.
    await waitUntil(isSilent, { for: 'Temporal to stand still' })
    stack.temporal.resume()
    expect(await answer).toBeInstanceOf(Error)
  })

  it('is used, and left alone, where addresses are given', async () => {
    const given = await startDevStack({ temporalAddress: stack.temporal.address, brokers: stack.kafka.brokers })
    expect(given.temporal.address).toBe(stack.temporal.address)
    expect(given.temporal.uiAddress).toBe(null)
    await expect(given.kafka.kill()).rejects.toThrow('was given')
    await given.stop()
    expect(isAlive(stack.temporal.pid()!)).toBe(true)
    expect(isAlive(stack.kafka.pid()!)).toBe(true)
  })

  it('refuses an address where nothing serves, or where the namespace is missing', async () => {
    await expect(startTemporal({ address: '127.0.0.1:9' })).rejects.toThrow('the given address 127.0.0.1:9')
    const elsewhere = startTemporal({ address: stack.temporal.address, namespace: 'elsewhere' })
    await expect(elsewhere).rejects.toThrow(/namespace elsewhere: .*elsewhere.*not found/i)
  })

  it('refuses a port that is taken, instead of taking whoever listens there for its own', async () => {
    const port = Number(stack.temporal.address.split(':')[1])
    await expect(startTemporal({ port })).rejects.toThrow(`something else listens on port ${port}`)
  })

  it('leaves its data where that was asked for, and has it again', async () => {
    const id = uniqueName('workflow')
    await startWorkflow(stack.temporal.address, id)
    const topic = await createTopic(stack.kafka.brokers, uniqueName('topic'), 1)
    await stack.stop()
    expect(await isFree(Number(stack.temporal.address.split(':')[1]))).toBe(true)
    stack = await startDevStack({ dataDirectory: data })
    expect(await statusOf(stack.temporal.address, id)).toBe('RUNNING')
    expect(await topicsOf(stack.kafka.brokers)).toContain(topic)
  })
})

it('leaves no process and no directory behind a parent that is killed', async () => {
  const module = fileURLToPath(new URL('../../../dist/src/dev/stack.js', import.meta.url))
  expect(existsSync(module), 'run `npm run build` first').toBe(true)
  const temp = await mkdtemp(join(tmpdir(), 'tidemark-test-parent-'))
  const source = `
    import { startDevStack } from ${JSON.stringify(module)}
    const { temporal, kafka } = await startDevStack()
    console.log(JSON.stringify([temporal.pid(), kafka.pid()]))`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, TMPDIR: temp },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string]
  const pids = JSON.parse(line) as number[]
  expect(pids.every(isAlive)).toBe(true)
  expect(parent.kill('SIGKILL')).toBe(true)
  await waitUntil(() => !pids.some(isAlive), { for: 'both servers to end' })
  await waitUntil(async () => (await readdir(temp)).length === 0, { for: 'their directories to go' })
  await rm(temp, { recursive: true })
})
