/** The same pipeline under another name, into a table of its own: what `tidemark fork delays-by-airport --as delays-v2` starts. */
import { definePipeline } from 'tidemark'
import { delaysPerDay, flightsByOrigin, rowOf, rowsInto } from '../delays-by-airport.js'

export const delaysV2 = definePipeline({
  name: 'delays-v2',
  sources: { flights: flightsByOrigin },
  steps: ({ flights }) => delaysPerDay(flights).map('row', rowOf).to('delays', rowsInto('airport_delays_v2')),
})
