import { parseArgs } from 'node:util'

const benchmarks = ['consume', 'copy', 'checkpoints', 'state'] as const

const usualRecords = { consume: 2_000_000, copy: 500_000, checkpoints: 2_000_000, state: 1_000_000 } as const

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
  /** Whether `copy` runs beside a kafkajs transaction loop and Kafka Streams. */
  readonly peers: boolean
  /** An S3 bucket for `state`. */
  readonly bucket: string | undefined
  /** Where Tidemark's process writes a CPU profile of all its rounds. */
  readonly profile: string | undefined
}

export const usage = `npm run bench -- <benchmark> [options]

  consume      Tidemark, exactly-once into files, against a bare kafkajs eachBatch loop that does the same work
               with no guarantee: raw bytes, and JSON with a zod schema
  copy         Tidemark from one topic to another, exactly-once, committing every 100 ms and every second; with --peers
               in turns with the usual kafkajs transaction loop and with Kafka Streams (exactly_once_v2; needs Maven)
  checkpoints  what one checkpoint costs: milliseconds, history events, history bytes
  state        what a checkpoint of large state costs in a backend: bytes, how long processing stops; restoring it; and
               how fast keys are counted, their values in memory and in LMDB

  --records <n>                  records of 200 bytes in the topic (2000000; copy: 500000); state: keys (1000000)
  --rounds <n>                   counted runs of each contender (5); one more comes before, to warm up
  --peers                        of copy: also those that do the same
  --json                         all figures as one JSON object on the last line
  --bucket <name>                of state: measure S3, too, in that bucket, reached as the AWS SDK finds it
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
      records: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      peers: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'temporal-address': { type: 'string' },
      brokers: { type: 'string' },
      bucket: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const benchmark = benchmarks.find((name) => name === positionals[0])
  if (benchmark === undefined || positionals.length > 1) {
    throw new TypeError(`name one benchmark: ${benchmarks.join(', ')}`)
  }
  if (values.peers && benchmark !== 'copy') throw new TypeError('--peers is an option of copy')
  if (values.bucket !== undefined && benchmark !== 'state') throw new TypeError('--bucket is an option of state')
  return {
    benchmark,
    records: whole('--records', values.records ?? String(usualRecords[benchmark])),
    bucket: values.bucket,
    rounds: whole('--rounds', values.rounds),
    peers: values.peers,
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
