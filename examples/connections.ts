/** Flights that one can go on with: the second leaves from where the first one goes to, later, and within 4 hours. */
import { definePipeline, type Stream, text } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { departureOf, type Flight, flight } from './flight.js'
import { flightsByOrigin } from './delays-by-airport.js'

export const connectionsOf = (flights: Stream<Flight, string>) => {
  const departures = flights.eventTime('departure', departureOf, { maxDisorder: '1 hour' })
  const by = { key: text(), value: flight }
  const leaving = departures.repartition('by-origin', ({ origin }) => origin, by)
  return departures
    .repartition('by-destination', ({ destination }) => destination, by)
    .join('onward', leaving, { within: { before: 0, after: '4 hours' } }, (first, second, { key }) => ({
      via: key,
      first_date: first.date,
      first_origin: first.origin,
      second_date: second.date,
      second_destination: second.destination,
    }))
}

/** Three months come at once here: flights wait for their time in the other topic. */
export const connectionState = { inlineLimit: '1 MiB' } as const
export const pairsInto = fileSink({ directory: 'out/connections' })

export const connections = definePipeline({
  name: 'connections',
  state: connectionState,
  sources: { flights: flightsByOrigin },
  steps: ({ flights }) =>
    connectionsOf(flights)
      .filter('later', (pair) => pair.first_date < pair.second_date)
      .to('pairs', pairsInto),
})
