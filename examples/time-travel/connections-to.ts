/** Where Postgres is, for commands that run a pipeline themselves. Kafka is found by KAFKA_BROKERS. */
const { DATABASE_URL: connectionString } = process.env
export const tidemark = connectionString === undefined ? {} : { postgres: { connectionString } }
