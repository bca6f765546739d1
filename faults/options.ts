import { parseArgs } from 'node:util'
import { isSinkName, SINK_NAMES, type SinkName } from './sinks/sink.js'
import { isStateName, isStoreName, STATE_NAMES, type StateName, STORE_NAMES, type StoreName } from './state/state.js'

export interface FaultOptions {
  /** For how long faults are let go; recovery and judgement come on top. */
  readonly minutes: number
  readonly seed: number
  readonly sink: SinkName
  /** Whether the pipelines keep state, and where. */
  readonly state: StateName
  /** Where workers have the values of that state. */
  readonly store: StoreName
  /** Whether standard output is one line: the report as JSON. */
  readonly json: boolean
  /** Of each of the two pipelines. */
  readonly perSecond: number
  /** Only these kinds of faults, all with an empty list. */
  readonly only: readonly string[]
}

export const usage = `npm run faults -- [options]

Runs two pipelines from Kafka into one kind of sink, with three workers, lets faults hit them, and compares what the sink
holds with what it has to hold. The seed decides which faults come, in which order and against what.

  --sink <kind>       ${SINK_NAMES.join(', ')} (file)
  --state <kind>      ${STATE_NAMES.join(', ')} (none): whether the pipelines keep state, which each output then tells, and where
  --store <kind>      ${STORE_NAMES.join(', ')} (memory): where workers have the values of that state; disk with --state s3
  --minutes <n>       how long faults are let go (2)
  --seed <n>          which ones (1)
  --only <kind,…>     these kinds of faults alone, to look into one
  --per-second <n>    records written to each pipeline's topic (300)
  --json              the report as JSON on the last line
  --help

Exit code: 0 nothing wrong; 1 lost, duplicated, reordered or foreign outputs, a pipeline that doesn't recover, or a run
that shows nothing because faults met nothing.
`

/** Null: help was asked for. Throws `TypeError` for what there isn't. */
export function optionsFrom(args: readonly string[]): FaultOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sink: { type: 'string', default: 'file' },
      state: { type: 'string', default: 'none' },
      store: { type: 'string', default: 'memory' },
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      'per-second': { type: 'string', default: '300' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { sink, state, store } = values
  if (!isSinkName(sink)) throw new TypeError(`--sink must be one of ${SINK_NAMES.join(', ')}, got ${sink}`)
  if (!isStateName(state)) throw new TypeError(`--state must be one of ${STATE_NAMES.join(', ')}, got ${state}`)
  if (!isStoreName(store)) throw new TypeError(`--store must be one of ${STORE_NAMES.join(', ')}, got ${store}`)
  if (store === 'disk' && state !== 's3') throw new TypeError('--store disk needs --state s3')
  // A worker has one connection to S3, and each of the two is to be hit by itself.
  if (sink === 's3' && state === 's3') throw new TypeError('--state s3 needs another --sink than s3')
  return {
    sink,
    state,
    store,
    minutes: above('--minutes', values.minutes),
    seed: above('--seed', values.seed),
    perSecond: above('--per-second', values['per-second']),
    only: values.only.split(',').filter((kind) => kind !== ''),
    json: values.json,
  }
}

function above(option: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new TypeError(`${option} must be a number above zero, got ${text}`)
}
