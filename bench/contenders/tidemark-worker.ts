import { Client } from '@temporalio/client'
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { Pipeline } from 'tidemark'
import { PipelineClient } from 'tidemark/client'
import { TidemarkPlugin } from 'tidemark/plugin'
import type { Arena, Taken } from './round.js'
import { timed } from './serve.js'

const QUEUE = 'tidemark-bench'

/** An ordinary worker with some pipelines. */
export interface BenchWorker {
  /** Runs a pipeline to the end of its topic, as a generation of its own. */
  runToEnd(pipeline: Pipeline, checkpointMs?: number): Promise<Taken>
  close(): Promise<void>
}

export async function startWorker(arena: Arena, pipelines: readonly Pipeline[]): Promise<BenchWorker> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} } },
  })
  const connection = await NativeConnection.connect({ address: arena.temporalAddress })
  const plugin = new TidemarkPlugin({ pipelines, kafka: { brokers: arena.brokers }, taskQueue: QUEUE })
  const worker = await Worker.create({ connection, taskQueue: `${QUEUE}-user`, plugins: [plugin] })
  const running = worker.run()
  const client = new Client({ connection })
  return {
    runToEnd: (pipeline, checkpointMs) => runToEnd(client, pipeline, checkpointMs, arena.records),
    async close() {
      worker.shutdown()
      await running
      await connection.close()
    },
  }
}

/** The clock starts with the request to start the pipeline, and stops when Temporal tells its completion. */
async function runToEnd(
  client: Client,
  { name }: Pipeline,
  checkpointMs: number | undefined,
  records: number,
): Promise<Taken> {
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
