import { parseArgs } from 'node:util'

const benchmarks = ['consume', 'checkpoints'] as const

export interface BenchOptions {
  readonly benchmark: (typeof benchmarks)[number]
  readonly records: number
  /** Counted runs of each contender; one uncounted comes before. */
  readonly rounds: number
  /** Whether the last line is all figures as one JSON object. */
  readonly json: boolean
  /** `host:port` of servers to use instead of starting some. */
  readonly temporalAddress: string | undefined
  readonly brokers: readonly string[] | undefined
  /** Where Tidemark's process writes a CPU profile of all its rounds. */
  readonly profile: string | undefined
}

export const usage = `npm run bench -- <benchmark> [options]

  consume      Tidemark, exactly-once into files, against a bare kafkajs eachBatch loop that does the same work
               with no guarantee: raw bytes, and JSON with a zod schema
  checkpoints  what one checkpoint costs: milliseconds, history events, history bytes

  --records <n>                  records of 200 bytes in the topic (2000000)
  --rounds <n>                   counted runs of each contender (5); one more comes before, to warm up
  --json                         all figures as one JSON object on the last line
  --temporal-address <host:port> use this Temporal instead of starting one
  --brokers <host:port,…>        use these Kafka brokers instead of starting one
  --profile <directory>          write CPU profiles of Tidemark's process there
  --help
`

/** Null: help was asked for. Throws `TypeError` for what there isn't. */
export function optionsFrom(args: readonly string[]): BenchOptions | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      records: { type: 'string', default: '2000000' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      'temporal-address': { type: 'string' },
      brokers: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const benchmark = benchmarks.find((name) => name === positionals[0])
  if (benchmark === undefined || positionals.length > 1) {
    throw new TypeError(`name one benchmark: ${benchmarks.join(', ')}`)
  }
  return {
    benchmark,
    records: whole('--records', values.records),
    rounds: whole('--rounds', values.rounds),
    json: values.json,
    temporalAddress: values['temporal-address'],
    brokers: values.brokers?.split(','),
    profile: values.profile,
  }
}

function whole(option: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new TypeError(`${option} must be a number above zero, got ${text}`)
}
