/** Average and maximum delay of each airport's departures per day, from Kafka into Postgres. */
import { average, combine, count, definePipeline, max, type Stream, text, tumbling, type Windowed } from 'tidemark'
import { kafkaSource } from 'tidemark/kafka'
import { postgresSink } from 'tidemark/postgres'
import { departureOf, type Flight, flight } from './flight.js'

/** Keyed by origin: all departures of an airport are in one partition. */
export const flightsByOrigin = kafkaSource({ topic: 'flights', key: text(), value: flight })

export const delaysPerDay = (flights: Stream<Flight, string>) =>
  flights
    .eventTime('departure', departureOf, {
      maxDisorder: '1 hour',
    })
    .window(
      'per-day',
      tumbling('1 day'),
      combine({ flights: count(), average: average(({ delay }) => delay), maximum: max(({ delay }) => delay) }),
    )

export const rowOf = ({
  key,
  start,
  value,
}: Windowed<string, { flights: number; average: number; maximum: number }>) => ({
  origin: key,
  day: new Date(start).toISOString().slice(0, 10),
  ...value,
})

export const rowsInto = (table: string) =>
  postgresSink<ReturnType<typeof rowOf>>({ table, upsert: { key: ['origin', 'day'] } })

export const delaysByAirport = definePipeline({
  name: 'delays-by-airport',
  sources: { flights: flightsByOrigin },
  steps: ({ flights }) => delaysPerDay(flights).map('row', rowOf).to('delays', rowsInto('airport_delays')),
})
