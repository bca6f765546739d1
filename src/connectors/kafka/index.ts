/** Kafka as a source: `import { kafkaSource } from 'tidemark/kafka'`. */
export { kafkaSource } from './kafka-source.js'
export type { KafkaConnection } from './kafka-connection.js'
export type { KafkaSourceOptions } from './source-options.js'
