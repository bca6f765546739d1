/** Kafka as a source and as a sink: `import { kafkaSink, kafkaSource } from 'tidemark/kafka'`. */
export { kafkaSource } from './kafka-source.js'
export { kafkaSink } from './sink/kafka-sink.js'
export type { Codec } from './compression/compress.js'
export type { KafkaConnection } from './kafka-connection.js'
export type { HeaderValues } from './sink/header-bytes.js'
export type { KafkaSinkOptions } from './sink/sink-options.js'
export type { KafkaSourceOptions } from './source-options.js'
