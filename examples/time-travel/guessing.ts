/** What no step may do: it gives something else each time. */
import { definePipeline } from 'tidemark'
import { delaysPerDay, flightsByOrigin, rowOf, rowsInto } from '../delays-by-airport.js'

export { tidemark } from './connections-to.js'

export const guessing = definePipeline({
  name: 'delays-by-airport',
  sources: { flights: flightsByOrigin },
  steps: ({ flights }) =>
    delaysPerDay(flights)
      .map('row', (window) => ({ ...rowOf(window), average: window.value.average + Math.random() }))
      .to('delays', rowsInto('airport_delays')),
})
