import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { isTidemarkError } from '../../../../src/errors/is.js'
import { type CraftedBatch, craftBatch, craftMarker, sealBatch, varint } from './craft-batch.js'
import { type ReadOptions, readSet, valuesOf } from './read-set.js'

const one = (baseOffset: number, value = 'v', more: Partial<CraftedBatch> = {}): Buffer =>
  craftBatch({ baseOffset, records: [{ offsetDelta: 0, value }], ...more })

/** The reason of the CorruptBatch that reading throws, with the position it names. */
function refusal(bytes: Buffer, options: ReadOptions = {}): string {
  try {
    readSet(bytes, options)
  } catch (error) {
    if (isTidemarkError(error, 'CorruptBatch')) return `${error.details.position}: ${error.details.reason}`
    throw error
  }
  return 'it was read'
}

describe('offsets', () => {
  test('gaps within, before and after the records of a compacted batch count', () => {
    const batch = craftBatch({
      baseOffset: 100,
      lastOffsetDelta: 99,
      records: [
        { offsetDelta: 10, value: 'a' },
        { offsetDelta: 50, value: 'b' },
      ],
    })
    const { records, next } = readSet(batch, { from: 100 })
    expect(valuesOf(records)).toEqual(['110:a', '150:b'])
    expect(records.map((record) => record.next)).toEqual(['111', '151'])
    expect(next).toBe(200)
  })

  test('a batch that compaction has emptied moves the position', () => {
    expect(readSet(craftBatch({ baseOffset: 7, lastOffsetDelta: 4, records: [] }), { from: 7 }).next).toBe(12)
  })

  test('a fetch that starts within a batch leaves out what is below', () => {
    const batch = craftBatch({
      baseOffset: 0,
      records: [0, 1, 2, 3].map((offsetDelta) => ({ offsetDelta, value: 'v' })),
    })
    const { records, next } = readSet(Buffer.concat([batch, one(4)]), { from: 2 })
    expect(records.map(({ offset }) => offset)).toEqual([2, 3, 4])
    expect(next).toBe(5)
  })

  test('a fetch that starts in the gap at the end of a batch goes on behind it', () => {
    const batch = craftBatch({ baseOffset: 0, lastOffsetDelta: 9, records: [{ offsetDelta: 0, value: 'v' }] })
    expect(readSet(batch, { from: 5 })).toEqual({ records: [], next: 10 })
  })

  test('above 2^32 they are exact', () => {
    const { records, next } = readSet(one(2 ** 45 + 1), { from: 2 ** 45 + 1 })
    expect(records[0]?.position).toBe('35184372088833')
    expect(next).toBe(2 ** 45 + 2)
  })

  test('a batch that comes before the one it follows is refused', () => {
    expect(refusal(Buffer.concat([one(5), one(4)]))).toBe('4: comes after one that ends at 6')
  })
})

describe('what a fetch may cut off', () => {
  test.each([1, 12, 30, 60])('a last batch that is %s bytes short is left to the next fetch', (short) => {
    const both = Buffer.concat([one(0), one(1)])
    expect(readSet(both.subarray(0, both.length - short))).toMatchObject({ next: 1 })
  })

  test('no bytes are no batch', () => {
    expect(readSet(Buffer.alloc(0), { from: 9 })).toEqual({ records: [], next: 9 })
  })
})

describe('time', () => {
  test('is the producer’s, before or after that of the batch', () => {
    const records = [0, -3_600_000, 86_400_000_000].map((timestampDelta, offsetDelta) => ({
      offsetDelta,
      timestampDelta,
    }))
    const batch = craftBatch({ baseOffset: 0, baseTimestamp: 1_700_000_000_000, records })
    expect(readSet(batch).records.map(({ timestamp }) => timestamp)).toEqual([
      1_700_000_000_000, 1_699_996_400_000, 1_786_400_000_000,
    ])
  })

  test('is the broker’s where the topic says LogAppendTime', () => {
    const batch = one(0, 'v', { logAppendTime: true, baseTimestamp: 1, maxTimestamp: 1_800_000_000_000 })
    expect(readSet(batch).records[0]?.timestamp).toBe(1_800_000_000_000)
  })
})

describe('visibility', () => {
  test('nothing from the last stable offset on is read', () => {
    const set = Buffer.concat([one(0), one(1), one(2)])
    expect(readSet(set, { lastStableOffset: 2 })).toMatchObject({ next: 2, records: [{ offset: 0 }, { offset: 1 }] })
    expect(readSet(set, { lastStableOffset: 2, committed: false }).next).toBe(3)
  })

  test('control batches are never delivered, and count', () => {
    const set = Buffer.concat([one(0), craftMarker(1, 9, 'commit'), craftMarker(2, 9, 'abort'), one(3)])
    for (const committed of [true, false]) {
      const { records, next } = readSet(set, { committed })
      expect(records.map(({ offset }) => offset)).toEqual([0, 3])
      expect(next).toBe(4)
    }
  })
})

describe('what can’t be read is refused with its position', () => {
  test.each([
    ['message format 0', one(5, 'v', { magic: 0 }), /^5: is in the message format 0 of before Kafka 0.11/],
    ['message format 1', one(5, 'v', { magic: 1 }), /^5: is in the message format 1 of before Kafka 0.11/],
    ['a format to come', one(5, 'v', { magic: 3 }), /^5: is in an unknown format \(magic 3\)/],
    ['an unknown codec', one(5, 'v', { codec: { number: 6, compress: (b) => b } }), /^5: .* unknown codec \(6\)/],
    ['gzip that is none', one(5, 'v', { codec: { number: 1, compress: (b) => b } }), /^5: incorrect header check/],
    ['snappy that is none', one(5, 'v', { codec: { number: 2, compress: () => Buffer.alloc(9, 255) } }), /^5: /],
    ['lz4 that is none', one(5, 'v', { codec: { number: 3, compress: (b) => b } }), /^5: not an LZ4 frame/],
    ['zstd that is none', one(5, 'v', { codec: { number: 4, compress: (b) => b } }), /^5: /],
    ['more records than there are', one(5, 'v', { count: 2 }), /^5: claims 2 records/],
    ['a count below zero', one(5, 'v', { count: -1 }), /^5: claims -1 records/],
    ['fewer records than there are', one(5, 'v', { count: 0 }), /^5: bytes after the last record/],
    ['an offset beyond the batch', one(5, 'v', { lastOffsetDelta: -1 }), /^5: claims the offsets 5 to 4/],
    [
      'offsets that go back',
      craftBatch({ baseOffset: 5, lastOffsetDelta: 3, records: [{ offsetDelta: 2 }, { offsetDelta: 1 }] }),
      /^5: offsets out of order/,
    ],
  ])('%s', (_, bytes, reason) => {
    expect(refusal(bytes, { from: 5 })).toMatch(reason)
  })

  test('a batch length that can’t be', () => {
    const bytes = one(5)
    bytes.writeInt32BE(-1, 8)
    expect(refusal(bytes)).toBe('5: claims to be 11 bytes')
  })

  test('records framed otherwise than they say', () => {
    const framed = (...parts: Buffer[]): string => {
      const body = Buffer.concat(parts)
      const record = Buffer.concat([varint(body.length), body])
      const batch = craftBatch({ baseOffset: 5, records: [], count: 1 }).subarray(0, 61)
      const bytes = Buffer.concat([batch, record, Buffer.alloc(3)])
      bytes.writeInt32BE(bytes.length - 12, 8)
      return refusal(sealBatch(bytes))
    }
    const start = [Buffer.from([0]), varint(0), varint(0)]
    expect(framed(...start, varint(-1), varint(500), Buffer.alloc(9))).toMatch(/^5: a number past the end/)
    expect(framed(...start, varint(-1), varint(-2), varint(0), Buffer.alloc(4))).toMatch(/^5: a record that ends/)
    expect(framed(...start, varint(-1), varint(-1), varint(2 ** 31 - 1))).toMatch(/^5: /)
    expect(framed(...start, varint(-1), varint(-1), varint(1), varint(-1), varint(0))).toMatch(/without a name/)
  })

  test('the error names pipeline, source, topic and partition', () => {
    expect(() => readSet(one(5, 'v', { magic: 0 }))).toThrow(
      'partition 3 of topic flights (source flights of pipeline delays): the batch at position 5 is in the message format 0',
    )
  })

  test('the position is that of the damaged batch, not of the fetch', () => {
    const damaged = one(1)
    damaged[67] = 1
    expect(refusal(Buffer.concat([one(0), damaged]))).toBe('1: does not match its checksum')
  })

  test('what decompresses to more than 256 MiB', () => {
    const bomb = gzipSync(Buffer.alloc(257 * 1024 ** 2))
    expect(refusal(one(5, 'v', { codec: { number: 1, compress: () => bomb } }))).toMatch(/^5: .*larger than/i)
    const snappy = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), Buffer.alloc(9)])
    expect(refusal(one(5, 'v', { codec: { number: 2, compress: () => snappy } }))).toMatch(/^5: more than 268435456/)
    const lz4 = Buffer.alloc(7 + 70 * (4 + 20_000) + 4)
    lz4.writeUInt32LE(0x184d2204, 0)
    lz4.writeUInt16LE(0x7040, 4)
    for (let block = 0; block < 70; block++) lz4.writeUInt32LE(20_000, 7 + block * 20_004)
    expect(refusal(one(5, 'v', { codec: { number: 3, compress: () => lz4 } }))).toMatch(/^5: more than 268435456/)
    const zstd = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0])
    expect(refusal(one(5, 'v', { codec: { number: 4, compress: () => zstd } }))).toMatch(/^5: more than 268435456/)
  })
})
