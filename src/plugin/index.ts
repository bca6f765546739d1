/** The worker side: everything a Temporal worker needs to run pipelines. */
export type { KafkaConnection } from '../connectors/kafka/kafka-connection.js'
export type { S3Connection } from '../connectors/s3/s3-connection.js'
export type { TidemarkPluginOptions } from './options.js'
export { TidemarkPlugin } from './stream-plugin.js'
