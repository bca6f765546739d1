import { afterAll, beforeAll, describe, test } from 'vitest'
import { s3SinkDefinition } from '../../../../src/connectors/s3/s3-sink.js'
import { sdkBucket } from '../../../../src/connectors/s3/sdk-bucket.js'
import { sinkContract } from '../../../../src/testing/contract.js'
import { startS3, type S3Server } from '../../../setup/s3/s3-server.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { inLanes } from '../lanes.js'
import { committedLines, steppedBucket } from './buckets.js'

interface Sample {
  readonly n: number
  readonly text: string
}

let server: S3Server
let bucket: string

beforeAll(async () => {
  server = await startS3()
  bucket = await server.makeBucket()
})
afterAll(() => server.stop())

describe('the S3 sink keeps the sink contract, on a real server', () => {
  const checks = sinkContract({
    async subject(step) {
      const prefix = uniqueName('place')
      const real = await sdkBucket(server.connection, bucket)
      // An object for every two lines: owners can be stopped in the middle of a write too.
      const options = { bucket, prefix, objectSize: 60 }
      const sink = s3SinkDefinition<Sample>(options, async () => steppedBucket(real, step))
      return { sink, read: () => committedLines<Sample>({ server, bucket, prefix }) }
    },
    value: (n): Sample => ({ n, text: `value ${n} "ü"\n` }),
    // Nothing is ever tidied up.
    commits: 3,
  })
  const lanes = inLanes(4)
  for (const { name, run } of checks) test.concurrent(name, () => lanes(run), 600_000)
})
