/** A program of somebody else's: runs one pipeline over what is in a topic, in a worker of its own, to the end. */
import { definePipeline, json } from 'tidemark'
import { PipelineClient } from 'tidemark/client'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { TidemarkPlugin } from 'tidemark/plugin'
import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { z } from 'zod'

const [address = '', broker = '', name = '', directory = ''] = process.argv.slice(2)

const even = definePipeline({
  name,
  sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
  steps: ({ numbers }) => numbers.filter('even', ({ n }) => n % 2 === 0).to('files', fileSink({ directory })),
})

const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue: `${name}-own`,
  plugins: [new TidemarkPlugin({ pipelines: [even], kafka: { brokers: [broker] }, taskQueue: name })],
})
const connection = await Connection.connect({ address })
const pipelines = new PipelineClient(new Client({ connection }))
const { counters } = await worker.runUntil(async () => {
  const run = await pipelines.start(even, { until: 'latest', taskQueue: name })
  await run.result()
  return await run.status()
})
process.stdout.write(`${JSON.stringify(counters)}\n`)
process.exit()
