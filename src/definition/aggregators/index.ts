export { combine } from './combine.js'
export { average, max, min, sum } from './numeric.js'
export { aggregate, collect, count, reduce } from './values.js'
