import { compress, init } from '@bokuweb/zstd-wasm'
import { beforeAll, describe, expect, test } from 'vitest'
import { unlz4 } from '../../../../src/connectors/kafka/compression/lz4.js'
import { unsnappy } from '../../../../src/connectors/kafka/compression/snappy.js'
import { readFrames } from '../../../../src/connectors/kafka/compression/zstd/frame.js'
import { plainCodecs } from '../../../fuzz/plain-codecs.js'
import { Seeded } from '../../../simulation/seeded.js'

const MIB = 1024 ** 2

test('an LZ4 frame with checksums over blocks and contents, as Go clients write it, is read', () => {
  const frame = Buffer.from('04224d187440bd0c00008016000000010a68656c6c6f00147701a600000000147701a6', 'hex')
  expect(unlz4(frame, MIB).toString('latin1')).toBe('\x16\0\0\0\x01\nhello\0')
  expect(unlz4(Buffer.concat([frame, Buffer.from('what follows')]), MIB)).toHaveLength(12)
  frame[frame.length - 1]! ^= 1
  expect(() => unlz4(frame, MIB)).toThrow('ContentChecksumError')
})

describe('snappy', () => {
  test('that ends within its header is refused', () => {
    expect(() => unsnappy(Buffer.from('\x82SNAPPY\0\0\0\0\x01', 'latin1'), MIB)).toThrow('ends within its header')
  })

  test('that announces more than it can hold takes no memory', () => {
    expect(() => unsnappy(Buffer.from([0x80, 0x80, 0x40, 0, 0, 0]), 256 * MIB)).toThrow('more than it can hold')
  })
})

describe('zstd', () => {
  beforeAll(() => init())

  /** Text, noise, runs and copies from far back, in one. */
  function mixed(random: Seeded, size: number): Buffer {
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size;) {
      const length = Math.min(size - at, 1 + random.below(random.pick([10, 300, 40_000])))
      const kind = random.below(4)
      if (kind === 0) for (let i = 0; i < length; i++) bytes[at + i] = random.below(256)
      else if (kind === 1) bytes.fill(random.below(256), at, at + length)
      else if (kind === 2)
        for (let i = 0; i < length; i++) bytes[at + i] = 0x61 + Math.min(random.below(26), random.below(26))
      else bytes.copyWithin(at, random.below(at + 1), at)
      at += length
    }
    return bytes
  }

  test.each([-5, 1, 3, 9, 19, 22])('is read as it was compressed at level %s', (level) => {
    const random = new Seeded(level + 100)
    for (const size of [0, 1, 5, 300, 9_000, 131_072, 131_073, 700_000]) {
      const plain = mixed(random, size)
      const read = readFrames(Buffer.from(compress(plain, level)), MIB)
      expect(read.equals(plain), `${size} bytes`).toBe(true)
    }
  })

  test('is read frame after frame, what may be skipped left out', () => {
    const frame = Buffer.from(compress(Buffer.from('one frame; '), 3))
    const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex')
    expect(readFrames(Buffer.concat([frame, skippable, frame]), MIB).toString()).toBe('one frame; one frame; ')
  })

  test('that comes to more than the limit is refused, before much memory is taken', () => {
    const run = Buffer.from([2, 0, 16, 0x61]) // a block of 128 KiB of one byte
    const bomb = Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), ...Array<Buffer>(4_000).fill(run)])
    const before = process.memoryUsage().arrayBuffers
    expect(() => readFrames(bomb, 32 * MIB)).toThrow(`more than ${32 * MIB} bytes`)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(160 * MIB)
  })

  test('that is cut off anywhere is refused', () => {
    const frame = Buffer.from(compress(mixed(new Seeded(3), 2_000), 19))
    for (let length = 0; length < frame.length; length++) {
      expect(() => readFrames(frame.subarray(0, length), MIB), `${length} bytes`).toThrow(RangeError)
    }
  })

  test.each([1, 19])('with any bit changed, at level %s, is refused or read as zstd itself reads it', (level) => {
    const random = new Seeded(level)
    for (let frames = 0; frames < 3; frames++) {
      const frame = Buffer.from(compress(mixed(random, 200 + random.below(800)), level))
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const changed = Buffer.from(frame)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        const read = outcomeOf(() => readFrames(changed, 16 * MIB))
        if (read !== null) expect(outcomeOf(() => plainCodecs[4]!(changed))?.equals(read), `bit ${bit}`).toBe(true)
      }
    }
  })
})

function outcomeOf(read: () => Uint8Array): Buffer | null {
  try {
    return Buffer.from(read())
  } catch {
    return null
  }
}
