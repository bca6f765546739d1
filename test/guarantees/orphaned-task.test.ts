/** A task whose pipeline is gone stops by itself, also where its claims only ever fail: nobody would tell it. */
import { definePipeline, json } from 'tidemark'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import type { PipelineStatus } from '../../src/client/status.js'
import { defineSink } from '../../src/definition/define-sink.js'
import { SinkUnavailable } from '../../src/errors/sink.js'
import type { TaskControl } from '../../src/protocol/messages.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

const name = uniqueName('orphaned')
let topics: Topics
let rig: Rig

/** Never there. */
const away = defineSink<{ n: number }, string>({
  kind: 'away',
  mode: 'transactional',
  encode: ({ value }) => String(value.n),
  inspect: () => Promise.resolve(null),
  open: ({ pipeline, stage, partition }) =>
    Promise.reject(new SinkUnavailable({ pipeline, stage, partition, sink: 'away', target: 'nowhere', doing: 'open' })),
})

beforeAll(async () => {
  topics = new Topics()
  await topics.make(name, 1)
  const pipeline = definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers }) => numbers.to('away', away),
  })
  rig = await Rig.start({ pipelines: [pipeline] })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
})

it('stops after some more failures', { timeout: 240_000 }, async () => {
  await rig.begin(name)
  const task = rig.client.workflow.getHandle(`tidemark/${name}/main/0`)
  const told = ({ tasks: [one] }: PipelineStatus): boolean => one?.waiting?.includes('SinkUnavailable') === true
  await rig.until(name, told, { for: 'the trouble to be told' })
  await rig.terminate(`tidemark/${name}`)
  // Words of an older start are not obeyed, but end the pause between two tries: ten would take minutes.
  const poke: TaskControl = { kind: 'pause', reason: 'not obeyed', acceptCodeChange: false, incarnation: 0 }
  const stopped = async (): Promise<boolean> => {
    const { status } = await task.describe()
    if (status.name === 'RUNNING') await task.signal('tidemark.control', poke)
    return status.name === 'COMPLETED'
  }
  await waitUntil(stopped, { for: 'the task to stop', every: 200, timeoutMs: 60_000 })
  expect(await task.result()).toMatchObject({ phase: 'stopped' })
})
