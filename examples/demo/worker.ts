import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { TidemarkPlugin } from 'tidemark/plugin'
import { delayedFlights } from '../delayed-flights.js'

export interface DemoWorker {
  /** Rejects if the worker fails, resolves when Ctrl-C or `stop` has ended it. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** An ordinary Temporal worker with the plugin, in this process. */
export async function startWorker(address: string, brokers: readonly string[]): Promise<DemoWorker> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} } },
  })
  const connection = await NativeConnection.connect({ address })
  const worker = await Worker.create({
    connection,
    taskQueue: 'demo',
    plugins: [new TidemarkPlugin({ pipelines: [delayedFlights], kafka: { brokers } })],
  })
  const ended = runThenClose(worker, connection)
  // Told to whoever waits for it; until then it must not count as unhandled.
  ended.catch(() => undefined)
  return {
    ended,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown()
      await ended
    },
  }
}

async function runThenClose(worker: Worker, connection: NativeConnection): Promise<void> {
  try {
    await worker.run()
  } finally {
    await connection.close()
  }
}
