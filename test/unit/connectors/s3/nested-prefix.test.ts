/** One sink's prefix may lie below another's: what cleans the one must leave the other alone. */
import { expect, test } from 'vitest'
import type { Bucket } from '../../../../src/connectors/s3/bucket.js'
import type { Entry } from '../../../../src/connectors/s3/entry.js'
import { entryKey, layoutOf, objectName } from '../../../../src/connectors/s3/layout.js'
import type { Outsider } from '../../../../src/connectors/s3/reading.js'
import { removeBelow } from '../../../../src/connectors/s3/remove-uncommitted.js'
import { s3Sink } from '../../../../src/connectors/s3/s3-sink.js'
import { definePipeline } from '../../../../src/definition/define-pipeline.js'
import { LogSource } from '../../engine/log-source.js'

const LEDGER = 'main-00003'

function bucketOf(objects: Map<string, string>): Bucket {
  return {
    create: () => Promise.reject(new Error('nothing is created here')),
    put: () => Promise.reject(new Error('nothing is written here')),
    read: (key) => Promise.resolve(objects.get(key) ?? null),
    list: (prefix, { after = '', limit = 1_000 } = {}) =>
      Promise.resolve(
        [...objects.keys()]
          .filter((key) => key.startsWith(prefix) && key > after)
          .toSorted()
          .slice(0, limit),
      ),
    remove: (key) => {
      objects.delete(key)
      return Promise.resolve()
    },
  }
}

const nameOf = (nonce: string): string => `${objectName(LEDGER, { generation: 1, seq: 1 }, nonce, 0)}.jsonl`

/** A place with one commit. */
function committed(objects: Map<string, string>, prefix: string, nonce: string): void {
  const layout = layoutOf(prefix)
  const owner = { generation: 1, incarnation: 1, claim: 1, runId: 'run' }
  const entry: Entry = {
    version: 1,
    ledger: `default/p/main/3/${prefix}`,
    seq: 1,
    nonce,
    predecessor: null,
    receipt: {
      version: 1,
      seq: 1,
      owner,
      epoch: 1,
      time: 1,
      positions: { numbers: '1' },
      digest: '0'.repeat(32),
      timersEpoch: 1,
      fingerprint: 'f',
      rejections: [],
    },
    objects: [{ key: nameOf(nonce), bytes: 2, crc32: 0, records: 1 }],
  }
  objects.set(layout.placeKey, '{"version":1}')
  objects.set(entryKey(layout, LEDGER, 1), JSON.stringify(entry))
  objects.set(`${prefix}/${nameOf(nonce)}`, '1\n')
}

test("a sink's committed objects stay when the prefix above them is cleaned", async () => {
  const [outer, inner, gone] = ['a'.repeat(16), 'b'.repeat(16), 'c'.repeat(16)] as const
  const objects = new Map<string, string>()
  committed(objects, 'flights', outer)
  committed(objects, 'flights/2026/letters', inner)
  objects.set(`flights/origin=SFO/${nameOf(gone)}`, 'of an attempt that failed')
  const before = [...objects.keys()]
  const bucket = bucketOf(objects)
  const at = { pipeline: 'any', stage: 'main', partition: 3, sink: 's3' }
  const place: Outsider = { bucket, layout: layoutOf('flights'), target: () => ({ at, target: 's3://lake/flights' }) }
  const removed: string[] = []
  for await (const key of removeBelow(place)) removed.push(key)
  expect(removed).toEqual([`flights/origin=SFO/${nameOf(gone)}`])
  expect([...objects.keys()]).toEqual(before.filter((key) => !removed.includes(key)))
})

test('two sinks of a pipeline under one prefix are a fault of it, and one below the other is none', () => {
  const pipeline = (prefix: string) => () =>
    definePipeline({
      name: 'flights',
      sources: { numbers: new LogSource().source() },
      steps: ({ numbers }) => [
        numbers.to('a', s3Sink({ bucket: 'lake', prefix: 'flights' })),
        numbers.to('b', s3Sink({ bucket: 'lake', prefix })),
      ],
    })
  expect(pipeline('flights')).toThrow(/steps\.b.* same place as steps\.a \(s3:\/\/lake\/flights\)/)
  expect(pipeline('flights/letters')).not.toThrow()
})
