import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { TidemarkPlugin } from 'tidemark/plugin'
import { connections } from '../connections.js'
import { delayedFlights } from '../delayed-flights.js'
import { delaysByAirport } from '../delays-by-airport.js'
import { delaysV2 } from '../time-travel/forked.js'

export interface DemoWorker {
  /** Rejects if the worker fails, resolves when Ctrl-C or `stop` has ended it. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export interface DemoServers {
  /** `host:port` of Temporal. */
  readonly address: string
  readonly brokers: readonly string[]
  /** URL of a database. */
  readonly postgres: string
}

/** An ordinary Temporal worker with the plugin, in this process. */
export async function startWorker({ address, brokers, postgres }: DemoServers): Promise<DemoWorker> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} } },
  })
  const connection = await NativeConnection.connect({ address })
  const worker = await Worker.create({
    connection,
    taskQueue: 'demo',
    plugins: [
      new TidemarkPlugin({
        pipelines: [delayedFlights, delaysByAirport, connections, delaysV2],
        kafka: { brokers },
        postgres: { connectionString: postgres },
      }),
    ],
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
