/**
 * A step that blocks its worker for longer than the heartbeat time-out doesn't cost the session where the plugin is on the
 * connection, and is named; where it isn't, the task still gets past it.
 */
import { definePipeline, json, type Pipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const COUNT = 20
const SLOW = 5
let topics: Topics
const outputs: Output[] = []

beforeAll(() => {
  topics = new Topics()
})

afterAll(async () => {
  await topics.close()
  for (const output of outputs) await output.remove()
})

/** Record 5 takes that long, whenever it is processed: nothing else of the process goes on meanwhile. */
async function slowPipeline(name: string, blockMs: number): Promise<{ pipeline: Pipeline; output: Output }> {
  const output = await Output.make()
  outputs.push(output)
  await topics.make(name, 1)
  await topics.send(name, 0, numbers(COUNT))
  const still = new Int32Array(new SharedArrayBuffer(4))
  const pipeline = definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) =>
      read
        .filter('cheap', () => true)
        .map('dear', (value) => {
          if (value.n === SLOW) Atomics.wait(still, 0, 0, blockMs)
          return value
        })
        .to('files', fileSink({ directory: output.directory, origin: true })),
    checkpoint: { interval: '1s' },
  })
  return { pipeline, output }
}

interface Seen {
  readonly failed: number
  readonly timedOut: number
  readonly blocked: readonly { readonly step: string; readonly ms: number }[]
}

async function historyOf(rig: Rig, name: string): Promise<Seen> {
  const { events } = await rig.client.workflow.getHandle(`tidemark/${name}/main/0`).fetchHistory()
  const all = events ?? []
  const results = all.flatMap((event) => event.activityTaskCompletedEventAttributes?.result?.payloads ?? [])
  const parsed = results.map(
    ({ data }) => JSON.parse(Buffer.from(data ?? []).toString()) as { blocked?: Seen['blocked'][0] },
  )
  return {
    failed: all.filter((event) => event.activityTaskFailedEventAttributes).length,
    timedOut: all.filter((event) => event.activityTaskTimedOutEventAttributes).length,
    blocked: parsed.flatMap(({ blocked }) => (blocked === undefined ? [] : [blocked])),
  }
}

describe('a step that blocks its worker', () => {
  it('keeps the session where the plugin is on the connection, and is named', { timeout: 240_000 }, async () => {
    const name = uniqueName('slow')
    const { pipeline, output } = await slowPipeline(name, 12_000)
    const rig = await Rig.start({ pipelines: [pipeline], plugin: { heartbeatTimeout: '5s' }, onConnection: true })
    try {
      await rig.begin(name)
      await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === COUNT, { timeoutMs: 90_000 })
      const { failed, timedOut, blocked } = await historyOf(rig, name)
      expect({ failed, timedOut }, 'what it cost').toEqual({ failed: 0, timedOut: 0 })
      // A machine that stands still for a second makes any step look slow.
      expect(blocked.filter(({ ms }) => ms > 6_000).map(({ step }) => step)).toEqual(['dear'])
      const metadata = await rig.client.workflow
        .getHandle(`tidemark/${name}/main/0`)
        .query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata')
      expect(metadata.currentDetails).toContain('dear blocked its worker for')
      await output.expectNumbers([COUNT])
    } finally {
      await rig.close()
    }
  })

  it('is got past where it is not: the same epoch is not lost for ever', { timeout: 300_000 }, async () => {
    const name = uniqueName('slow-plain')
    const { pipeline, output } = await slowPipeline(name, 3_000)
    const rig = await Rig.start({ pipelines: [pipeline], plugin: { heartbeatTimeout: '1s' } })
    try {
      await rig.begin(name)
      await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === COUNT, { timeoutMs: 150_000 })
      const { timedOut } = await historyOf(rig, name)
      expect(timedOut, 'heartbeats were missed').toBeGreaterThan(0)
      await output.expectNumbers([COUNT])
    } finally {
      await rig.close()
    }
  })
})
