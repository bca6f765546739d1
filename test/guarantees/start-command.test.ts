/** `tidemark start` doesn't say that all is well where it isn't: it waits until the pipeline has begun, or says why it hasn't. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../src/dev/ports.js'
import { temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const good = uniqueName('begins')
const mistyped = uniqueName('mistyped')
const unreachable = uniqueName('unreachable')
let topics: Topics
let output: Output
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  output = await Output.make()
  await topics.make(good, 1)
  const pipelines = [good, mistyped, unreachable].map((name) =>
    definePipeline({
      name,
      sources: {
        numbers: kafkaSource({ topic: name, value: json(), ...(name === unreachable && { cluster: 'far' }) }),
      },
      steps: ({ numbers }) => numbers.to('files', fileSink({ directory: `${output.directory}/${name}` })),
    }),
  )
  const clusters = { far: { brokers: [`127.0.0.1:${await freePort()}`] } }
  rig = await Rig.start({ pipelines, plugin: { clusters } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  await output.remove()
})

interface Outcome {
  readonly code: unknown
  readonly out: string
  readonly err: string
}

const start = (name: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const args = [main, 'start', name, '--address', temporalAddress(), '--task-queue', rig.taskQueue]
    execFile(process.execPath, args, (error, out, err) => resolve({ code: error === null ? 0 : error.code, out, err }))
  })

/** The command waits for some seconds, which a busy machine may not come to an end in: then once more. */
async function startInTime(name: string): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const outcome = await start(name)
    if (!outcome.err.includes('has not begun yet') || tries === 4) return outcome
    const over = async (): Promise<boolean> => {
      const { state } = await rig.status(name)
      if (state === 'running') await rig.pipelines.get(name).cancel()
      return state === 'cancelled' || state === 'failed'
    }
    await waitUntil(over, { for: 'the late start to be over' })
  }
}

it('is done where the pipeline begins', async () => {
  expect(await startInTime(good)).toEqual({ code: 0, out: `started ${good} as workflow tidemark/${good}\n`, err: '' })
})

it('fails where there is no such topic', async () => {
  const { code, err } = await startInTime(mistyped)
  expect(err).toMatch(/^error: .*topic mistyped-.* does not exist$/m)
  expect(err).toMatch(/^next: /m)
  expect(code).toBe(1)
})

it('says what is waited for where that takes longer', async () => {
  const { code, err } = await start(unreachable)
  expect(err).toMatch(/^unreachable-\S+ has not begun yet: waits for .*; see tidemark status unreachable-\S+$/m)
  expect(code).toBe(0)
})
