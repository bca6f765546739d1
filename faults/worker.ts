/** A worker that runs all pipelines of a fault run. Its only argument: `FaultWorkerSettings` as JSON. */
import { countedPipeline, type CountedOptions } from '../test/fixtures/pipeline.js'
import { runWorker, type RunOptions } from '../test/fixtures/run-worker.js'
import { sinkOf, type WorkerSink } from './sinks/worker-sink.js'
import { backendOf, storeOf, type WorkerState } from './state/worker-state.js'

export interface PipelineSettings extends Omit<CountedOptions, 'sinks' | 'keeps' | 'backend' | 'store'> {
  readonly sink: WorkerSink
  /** Default: none is kept. */
  readonly state?: WorkerState
}

export interface FaultWorkerSettings extends RunOptions {
  readonly brokers: readonly string[]
  readonly pipelines: readonly PipelineSettings[]
}

const settings = JSON.parse(process.argv[2] ?? '') as FaultWorkerSettings
const { identity, brokers, pipelines } = settings
const [s3] = pipelines.flatMap(({ sink, state }) =>
  [sink, state].flatMap((place) => (place?.kind === 's3' ? [place.connection] : [])),
)
// How the AWS SDK learns what to tell servers: whoever stands before one knows a worker by it.
process.env['AWS_SDK_UA_APP_ID'] = identity
const [url] = pipelines.flatMap(({ sink }) => (sink.kind === 'postgres' ? [sink.url] : []))
await runWorker(settings, {
  pipelines: pipelines.map(({ sink, state, ...counted }) => {
    const backend = state && backendOf(state)
    const store = state && storeOf(state)
    const held = { ...(backend !== undefined && { backend }), ...(store !== undefined && { store }) }
    const keeping = { keeps: state !== undefined, ...held }
    return countedPipeline({ ...counted, ...keeping, sinks: { lines: sinkOf(sink) } })
  }),
  // By its client id a worker is known to whoever stands between it and a server.
  kafka: { brokers: [...brokers], clientId: identity },
  ...(url !== undefined && {
    // An answer that never comes is to be given up soon.
    postgres: { connectionString: `${url}?application_name=${identity}`, statementTimeout: '5s' },
  }),
  ...(s3 !== undefined && { s3: { ...s3, requestTimeout: '5s' } }),
  discoveryInterval: '5s',
})
