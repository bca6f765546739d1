/**
 * Records the histories that test/replay replays: `npm run build && node scripts/record-histories.mjs NAME`. Run it when
 * workflow code has changed on purpose, under a new name; keep the old ones for as long as runs of theirs may be open.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import kafkajs from 'kafkajs'
import { startDevStack } from '../dist/src/dev/stack.js'
import { temporalBinary } from '../dist/src/dev/temporal-binary.js'
import { PipelineClient } from '../dist/src/client/index.js'
import { fileSink } from '../dist/src/connectors/file/index.js'
import { kafkaSource } from '../dist/src/connectors/kafka/index.js'
import { definePipeline, text } from '../dist/src/index.js'
import { TidemarkPlugin } from '../dist/src/plugin/index.js'

const say = (line) => process.stderr.write(`${line}\n`)
const name = process.argv[2]
if (name === undefined) throw new Error('usage: node scripts/record-histories.mjs NAME')
const target = new URL(`../test/replay/histories/${name}/`, import.meta.url)
const directory = mkdtempSync(join(tmpdir(), 'tidemark-record-'))
Runtime.install({ logger: new DefaultLogger('ERROR') })
const stack = await startDevStack({ ui: false, onProgress: say })
try {
  const kafka = new kafkajs.Kafka({ brokers: stack.kafka.brokers, logLevel: 0 })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'words', numPartitions: 2 }] })
  await admin.disconnect()
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const send = (partition, values) =>
    producer.send({ topic: 'words', messages: values.map((value) => ({ partition, value })) })

  let mended = false
  const recorded = definePipeline({
    name: 'recorded',
    sources: { words: kafkaSource({ topic: 'words', value: text() }) },
    steps: ({ words }) =>
      words
        .filter('mended', (word, ctx) => word !== 'bad' || mended || ctx.reject('not mended yet'))
        .to('files', fileSink({ directory })),
  })
  const connection = await NativeConnection.connect({ address: stack.temporal.address })
  const plugin = new TidemarkPlugin({
    pipelines: [recorded],
    kafka: { brokers: stack.kafka.brokers },
    discoveryInterval: '1s',
    heartbeatTimeout: '1s',
  })
  const start = () => Worker.create({ connection, taskQueue: 'recorded-user', plugins: [plugin] })
  let worker = await start()
  let running = worker.run()
  const client = new Client({ connection })
  const pipeline = await new PipelineClient(client).start(recorded, { checkpointInterval: 100, maxHistoryEvents: 150 })
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const feed = async (rounds) => {
    for (let i = 0; i < rounds; i++) {
      await Promise.all([send(0, [`a${i}`]), send(1, [`b${i}`])])
      await pause(100)
    }
  }
  await feed(10)
  await pipeline.pause({ reason: 'recorded', partition: 1 })
  await feed(5)
  await pipeline.resume({ reason: 'recorded' })
  await feed(5)
  await send(0, ['bad'])
  await feed(10)
  mended = true
  await pipeline.resume({ reason: 'mended' })
  // A worker that goes away and another that comes: released epochs and new claims.
  worker.shutdown()
  await running
  worker = await start()
  running = worker.run()
  await feed(30)
  await pipeline.drain()
  worker.shutdown()
  await running

  mkdirSync(target, { recursive: true })
  const binary = await temporalBinary(say)
  const save = async (workflowId) => {
    let { runId } = await client.workflow.getHandle(workflowId).describe()
    for (let run = 1; runId; run++) {
      // The CLI writes the JSON that replayers read.
      const show = ['workflow', 'show', '--workflow-id', workflowId, '--run-id', runId, '--output', 'json']
      const json = execFileSync(binary, [...show, '--address', stack.temporal.address], { encoding: 'utf8' })
      const history = JSON.parse(json)
      const file = `${workflowId.replaceAll('/', '-')}-${run}.json`
      writeFileSync(new URL(file, target), `${JSON.stringify(history)}\n`)
      say(`${file}: ${history.events.length} events`)
      runId = history.events[0].workflowExecutionStartedEventAttributes.continuedExecutionRunId
    }
  }
  for (const id of ['tidemark/recorded', 'tidemark/recorded/main/0', 'tidemark/recorded/main/1']) await save(id)
  await producer.disconnect()
  await connection.close()
} finally {
  await stack.stop()
  rmSync(directory, { recursive: true, force: true })
}
