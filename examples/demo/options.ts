import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Leaves the servers up and the pipeline running until Ctrl-C. */
  readonly keep: boolean
  /** Flights arrive little by little, and then the commands of docs/time-travel.md are tried and checked. */
  readonly timeTravel: boolean
  /** `host:port` of servers to use instead of starting some. */
  readonly temporalAddress: string | undefined
  readonly brokers: readonly string[] | undefined
}

export const usage = `npm start [-- options]

Brings up Temporal, Kafka and Postgres, publishes 20,000 flights, runs the pipelines of examples/delayed-flights.ts,
delays-by-airport.ts and connections.ts over them and checks what they wrote against the data set.

  --keep                         leave everything running afterwards, until Ctrl-C
  --time-travel                  flights arrive little by little; then verify, shadow, fork and rewind are
                                 executed, told and checked against the data set as well
  --temporal-address <host:port> use this Temporal instead of starting one
  --brokers <host:port,…>        use these Kafka brokers instead of starting one
  --help
`

/** Null: help was asked for. Throws `TypeError` for options there aren't. */
export function optionsFrom(args: readonly string[]): DemoOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: 'boolean', default: false },
      'time-travel': { type: 'boolean', default: false },
      'temporal-address': { type: 'string' },
      brokers: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  return {
    keep: values.keep,
    timeTravel: values['time-travel'],
    temporalAddress: values['temporal-address'],
    brokers: values.brokers?.split(','),
  }
}
