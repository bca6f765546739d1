/** The code that the demo's worker runs, for `tidemark verify`, `shadow` and `state`. */
export { connections } from '../connections.js'
export { delaysByAirport } from '../delays-by-airport.js'
export { tidemark } from './connections-to.js'
