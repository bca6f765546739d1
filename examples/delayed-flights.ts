/** Flights that were more than an hour late, from Kafka to JSON lines. `npx tidemark worker dist/examples/delayed-flights.js` */
import { definePipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { flight } from './flight.js'

export const delayedFlights = definePipeline({
  name: 'delayed-flights',
  sources: { flights: kafkaSource({ topic: 'flights', value: flight }) },
  steps: ({ flights }) =>
    flights.filter('late', ({ delay }) => delay > 60).to('files', fileSink({ directory: 'out/delayed-flights' })),
})
