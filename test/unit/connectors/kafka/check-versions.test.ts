import { describe, expect, test } from 'vitest'
import type { ApiVersions } from '../../../../src/connectors/kafka/broker-link.js'
import { checkVersions } from '../../../../src/connectors/kafka/check-versions.js'

const place = { pipeline: 'delays', source: 'flights', topic: 'flights', partition: 3 }

/** Of Fetch, ListOffsets, Metadata and AddPartitionsToTxn. */
const offers = (fetch: string, listOffsets: string, metadata: string, addPartitions: string): ApiVersions =>
  Object.fromEntries(
    Object.entries({ 1: fetch, 2: listOffsets, 3: metadata, 24: addPartitions }).map(([key, range]) => {
      const [minVersion = 0, maxVersion = 0] = range.split('-').map(Number)
      return [key, { minVersion, maxVersion }]
    }),
  )

describe('a broker', () => {
  test.each([
    ['3.6.0', offers('0-15', '0-8', '0-12', '0-4')],
    ['4.1.0', offers('4-18', '1-10', '0-13', '0-5')],
  ])('of Kafka %s is taken', (_, versions) => {
    expect(() => checkVersions(versions, 'broker:9092', place)).not.toThrow()
  })

  test.each([
    [
      '3.5.2',
      offers('0-15', '0-8', '0-12', '0-3'),
      'needs Kafka 3.6 or later: AddPartitionsToTxn version 4; found 0 to 3',
    ],
    ['2.8', offers('0-12', '0-6', '0-11', '0-3'), 'needs Kafka 3.6 or later: Fetch version 13; found 0 to 12'],
    ['of another make', { 1: { minVersion: 4, maxVersion: 18 } }, 'ListOffsets version 5; found none'],
    ['to come', offers('14-20', '1-12', '0-14', '0-6'), 'needs Fetch version 13; found 14 to 20'],
  ])('of Kafka %s is refused', (_, versions, why) => {
    expect(() => checkVersions(versions, 'broker:9092', place)).toThrow(
      expect.objectContaining({ code: 'SourceUnsupported', message: expect.stringContaining(why) }),
    )
  })
})
