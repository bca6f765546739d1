/** Both pipelines with one step changed: averages in whole minutes; connections without a minute to change planes. */
import { definePipeline } from 'tidemark'
import { connectionsOf, connectionState, pairsInto } from '../connections.js'
import { delaysPerDay, flightsByOrigin, rowOf, rowsInto } from '../delays-by-airport.js'

export { tidemark } from './connections-to.js'

export const rounded = definePipeline({
  name: 'delays-by-airport',
  sources: { flights: flightsByOrigin },
  steps: ({ flights }) =>
    delaysPerDay(flights)
      .map('row', (window) => ({ ...rowOf(window), average: Math.round(window.value.average) }))
      .to('delays', rowsInto('airport_delays')),
})

export const running = definePipeline({
  name: 'connections',
  state: connectionState,
  sources: { flights: flightsByOrigin },
  steps: ({ flights }) =>
    connectionsOf(flights)
      .filter('later', (pair) => pair.first_date <= pair.second_date)
      .to('pairs', pairsInto),
})
