import { withoutChance } from '../../test/oracle/counted.js'
import { type BucketOutput, type BucketPlace, readBucket } from '../../test/oracle/read-bucket.js'
import { openS3Link } from '../s3-link.js'
import { BucketWatch } from './bucket-watch.js'
import { LedgerLog } from './ledger-log.js'
import { s3Request } from './s3-requests.js'
import type { Point, SinkUnderTest, Target } from './sink.js'
import type { WorkerSink } from './worker-sink.js'

/** Of commits, and how often each is hit: where it is decided more often. */
const COMMITTING: Readonly<Record<string, number>> = { 'put object': 2, 'create entry': 4 }
/** Of taking a task over. */
const OPENING: Readonly<Record<string, number>> = { place: 1, 'list entries': 1, 'read entry': 1 }

/** One bucket, which workers reach through a proxy. */
export async function s3SinkUnderTest(): Promise<SinkUnderTest> {
  const { server, link, bucket, connection, close } = await openS3Link(s3Request)
  const points = (weights: Readonly<Record<string, number>>, opening: boolean): [string, Point][] =>
    Object.entries(weights).map(([name, weight]) => [`s3 ${name}`, { proxy: link, name, weight, opening }])
  return {
    servers: { s3: server },
    links: { s3: link },
    points: Object.fromEntries([...points(COMMITTING, false), ...points(OPENING, true)]),
    target: (pipeline, partitions) => {
      const prefix = `faults/${pipeline}`
      const settings: WorkerSink = { kind: 's3', connection, bucket, prefix }
      return Promise.resolve(bucketTarget({ client: server.client, bucket, prefix }, settings, partitions))
    },
    close,
  }
}

function bucketTarget(place: BucketPlace, settings: WorkerSink, partitions: number): Target {
  // There is much to read, and nothing writes any more: once is enough for both questions.
  let reading: Promise<BucketOutput> | undefined
  const output = (): Promise<BucketOutput> => (reading ??= readBucket(place))
  return {
    settings,
    watch: () => Promise.resolve(new BucketWatch(place, partitions)),
    async read() {
      const { lines } = await output()
      return new Map([...lines].map(([partition, some]) => [partition, some.map(withoutChance)]))
    },
    async faults(ends) {
      const { faults, ledgers } = await output()
      const log = new LedgerLog()
      for (const [partition, entries] of ledgers) {
        for (const { seq, receipt } of entries) {
          log.take({ partition, seq, owner: receipt.owner, position: Number(Object.values(receipt.positions)[0]) })
        }
      }
      return [...faults, ...log.faults(ends)]
    },
  }
}
