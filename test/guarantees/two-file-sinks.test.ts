/**
 * Several file sinks in one stage, each with a ledger of its own: when one commits and the other fails, or nobody knows
 * whether it did, each still gets every record once and in order.
 */
import { failedLinks, failNextLink, type Fault } from './failing-links.js'
// Only now what is to meet these faults.
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

const name = uniqueName('two-sinks')
let topics: Topics
let first: Output
let second: Output
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  first = await Output.make()
  second = await Output.make()
  await topics.make(name, 1)
  const pipeline = definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) => [
      read.map('one', (value) => value).to('first', fileSink({ directory: first.directory, origin: true })),
      read.map('two', (value) => value).to('second', fileSink({ directory: second.directory, origin: true })),
    ],
    commit: { interval: '100ms' },
    checkpoint: { interval: '3s' },
  })
  rig = await Rig.start({ pipelines: [pipeline] })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  await first.remove()
  await second.remove()
})

/** Waits until that many more records are in committed files of both. */
async function progress(more: number): Promise<void> {
  for (const output of [first, second]) {
    const before = (await output.positions(0)).length
    await waitUntil(async () => (await output.positions(0)).length >= before + more, { timeoutMs: 45_000, every: 100 })
  }
}

it('each get every record once where their commits part', { timeout: 600_000 }, async () => {
  const flow = topics.flow(name, 1)
  const handle = await rig.begin(name)
  await progress(100)
  const faults: readonly (readonly [output: Output, fault: Fault])[] = [
    [second, 'before'],
    [first, 'before'],
    [second, 'after'],
    [first, 'after'],
  ]
  for (const [i, [output, fault]] of faults.entries()) {
    failNextLink(output.directory, fault)
    await waitUntil(() => failedLinks() === i + 1, { for: `commit ${i} to fail`, timeoutMs: 45_000 })
    await progress(100)
  }
  const count = await flow.stop()
  await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === count)
  // It was real: the sessions were lost, and claimed again.
  const { events } = await rig.client.workflow.getHandle(`tidemark/${name}/main/0`).fetchHistory()
  const failed = (events ?? []).flatMap(
    (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? [],
  )
  // Others may be lost as well, on a machine that stands still for long.
  expect(failed.filter((type) => type === 'SinkUnavailable')).toEqual(faults.map(() => 'SinkUnavailable'))
  await handle.drain()
  await first.expectNumbers([count])
  await second.expectNumbers([count])
})
