/** Flights that were more than an hour late, from Kafka to JSON lines. `npx tidemark worker dist/examples/delayed-flights.js` */
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { z } from 'zod'

const Flight = z.object({
  date: z.string(),
  delay: z.number(),
  distance: z.number(),
  origin: z.string(),
  destination: z.string(),
})

export const delayedFlights = definePipeline({
  name: 'delayed-flights',
  sources: { flights: kafkaSource({ topic: 'flights', value: json(Flight) }) },
  steps: ({ flights }) =>
    flights.filter('late', (flight) => flight.delay > 60).to('files', fileSink({ directory: 'out/delayed-flights' })),
})
