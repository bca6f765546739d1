import { startKafka, type KafkaServer } from './kafka-server.js'
import type { OnProgress } from './progress.js'
import { startTemporal, type TemporalServer } from './temporal-server.js'

export interface DevStackOptions {
  /** `host:port` of a Temporal server that runs already. */
  readonly temporalAddress?: string | undefined
  /** `host:port` of Kafka brokers that run already. */
  readonly brokers?: readonly string[] | undefined
  /** Ports to listen on. Default: free ones. */
  readonly temporalPort?: number | undefined
  readonly uiPort?: number | undefined
  /** Whether to serve Temporal's Web UI. Default true. */
  readonly ui?: boolean | undefined
  readonly kafkaPort?: number | undefined
  /** Keeps the data of both servers below it. Default: temporary directories that go with the stack. */
  readonly dataDirectory?: string | undefined
  /** Added to Temporal's dynamic configuration. */
  readonly dynamicConfig?: Readonly<Record<string, unknown>> | undefined
  readonly onProgress?: OnProgress | undefined
}

export interface DevStack {
  readonly temporal: TemporalServer
  readonly kafka: KafkaServer
  /** Ends what was started here. */
  stop(): Promise<void>
}

/** Starts Temporal and Kafka at the same time. Throws `StackUnavailable`; then neither is left running. */
export async function startDevStack(options: DevStackOptions = {}): Promise<DevStack> {
  const { dataDirectory, dynamicConfig, onProgress } = options
  const [temporal, kafka] = await Promise.allSettled([
    startTemporal({
      address: options.temporalAddress,
      port: options.temporalPort,
      ui: options.ui ?? true,
      uiPort: options.uiPort,
      dataDirectory,
      dynamicConfig,
      onProgress,
    }),
    startKafka({ brokers: options.brokers, port: options.kafkaPort, dataDirectory, onProgress }),
  ])
  if (temporal.status === 'rejected' || kafka.status === 'rejected') {
    const started = [temporal, kafka].filter((server) => server.status === 'fulfilled')
    await Promise.all(started.map((server) => server.value.stop()))
    throw temporal.status === 'rejected' ? temporal.reason : (kafka as PromiseRejectedResult).reason
  }
  return {
    temporal: temporal.value,
    kafka: kafka.value,
    async stop() {
      await Promise.all([temporal.value.stop(), kafka.value.stop()])
    },
  }
}
