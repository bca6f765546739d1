/** Flights that one can go on with: the second leaves from where the first one goes to, later, and within 4 hours. */
import { definePipeline, text } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { departureOf, flight } from './flight.js'

export const connections = definePipeline({
  name: 'connections',
  // Three months come at once here: flights wait for their time in the other topic.
  state: { inlineLimit: '1 MiB' },
  sources: { flights: kafkaSource({ topic: 'flights', key: text(), value: flight }) },
  steps: ({ flights }) => {
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
      .filter('later', (pair) => pair.first_date < pair.second_date)
      .to('pairs', fileSink({ directory: 'out/connections' }))
  },
})
