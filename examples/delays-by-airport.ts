/** Average and maximum delay of each airport's departures per day, from Kafka into Postgres. */
import { average, combine, count, definePipeline, max, text, tumbling } from 'tidemark'
import { kafkaSource } from 'tidemark/kafka'
import { postgresSink } from 'tidemark/postgres'
import { departureOf, flight } from './flight.js'

export const delaysByAirport = definePipeline({
  name: 'delays-by-airport',
  // Keyed by origin: all departures of an airport are in one partition.
  sources: { flights: kafkaSource({ topic: 'flights', key: text(), value: flight }) },
  steps: ({ flights }) =>
    flights
      .eventTime('departure', departureOf, {
        maxDisorder: '1 hour',
      })
      .window(
        'per-day',
        tumbling('1 day'),
        combine({ flights: count(), average: average(({ delay }) => delay), maximum: max(({ delay }) => delay) }),
      )
      .map('row', ({ key, start, value }) => ({
        origin: key,
        day: new Date(start).toISOString().slice(0, 10),
        ...value,
      }))
      .to('delays', postgresSink({ table: 'airport_delays', upsert: { key: ['origin', 'day'] } })),
})
