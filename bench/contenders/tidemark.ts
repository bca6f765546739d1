/** An ordinary worker with two pipelines: bounded runs, each a generation of its own. */
import { join } from 'node:path'
import { Client } from '@temporalio/client'
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { bytes, definePipeline, json, type Pipeline } from 'tidemark'
import { PipelineClient } from 'tidemark/client'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { TidemarkPlugin } from 'tidemark/plugin'
import { isTenth, isTenthOfRaw, Numbered } from '../records.js'
import type { Arena, Mode, Round, Taken } from './round.js'
import { type Contender, serve, timed } from './serve.js'

const QUEUE = 'tidemark-bench'

function pipelinesOf({ topic, directory }: Arena): Record<Mode, Pipeline> {
  return {
    raw: definePipeline({
      name: 'bench-raw',
      sources: { numbers: kafkaSource({ topic, value: bytes() }) },
      steps: ({ numbers }) =>
        numbers
          .filter('tenth', isTenthOfRaw)
          .to('files', fileSink({ directory: join(directory, 'raw'), format: bytes() })),
    }),
    json: definePipeline({
      name: 'bench-json',
      sources: { numbers: kafkaSource({ topic, value: json(Numbered) }) },
      steps: ({ numbers }) =>
        numbers.filter('tenth', isTenth).to('files', fileSink({ directory: join(directory, 'json') })),
    }),
  }
}

async function prepare(arena: Arena): Promise<Contender> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} } },
  })
  const pipelines = pipelinesOf(arena)
  const connection = await NativeConnection.connect({ address: arena.temporalAddress })
  const plugin = new TidemarkPlugin({
    pipelines: Object.values(pipelines),
    kafka: { brokers: arena.brokers },
    taskQueue: QUEUE,
  })
  const worker = await Worker.create({ connection, taskQueue: `${QUEUE}-user`, plugins: [plugin] })
  const running = worker.run()
  const client = new Client({ connection })
  return {
    run: (round) => runToEnd(client, pipelines[round.mode], round, arena.records),
    async close() {
      worker.shutdown()
      await running
      await connection.close()
    },
  }
}

/** The clock starts with the request to start the pipeline, and stops when Temporal tells its completion. */
async function runToEnd(client: Client, { name }: Pipeline, { checkpointMs }: Round, records: number): Promise<Taken> {
  const pipelines = new PipelineClient(client)
  const taken = await timed(async () => {
    const run = await pipelines.start(name, {
      taskQueue: QUEUE,
      until: 'latest',
      fresh: true,
      ...(checkpointMs !== undefined && { checkpointInterval: checkpointMs }),
    })
    await run.result()
  })
  const status = await pipelines.get(name).status()
  const [task] = status.tasks
  if (task === undefined) throw new Error(`pipeline '${name}' had no task`)
  if (task.counters.read !== records) throw new Error(`${task.counters.read} records were read instead of ${records}`)
  const { historyLength, historySize } = await client.workflow.getHandle(task.workflowId).describe()
  return { ...taken, history: { checkpoints: task.epoch, events: historyLength, bytes: historySize ?? 0 } }
}

await serve(prepare)
