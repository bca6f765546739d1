import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTidemarkError } from '../../../../src/errors/is.js'
import { craftBatch, sealBatch } from './craft-batch.js'
import { readSet } from './read-set.js'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const written = new Map(
  codecs.map((codec) => [codec, readFileSync(new URL(`fixtures/java-${codec}.bin`, import.meta.url))]),
)

const text = fc.option(fc.string({ maxLength: 40 }), { nil: null })
const record = fc.record({
  key: text,
  value: text,
  timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 9 }), text), { maxLength: 4 }),
  gap: fc.integer({ min: 0, max: 300 }),
})

type Outcome = { readonly read: unknown } | 'refused'

/** Reads, and everything of every record too. Any error but CorruptBatch is thrown on. */
function outcomeOf(bytes: Buffer, maxRecords = Infinity): Outcome {
  try {
    const { records, next } = readSet(bytes, { maxRecords })
    const read = records.map(({ position, timestamp, key, value, headers }) => {
      return { position, timestamp, key: string(key), value: string(value), headers: [...headers].map(String) }
    })
    return { read: [next, read] }
  } catch (error) {
    if (isTidemarkError(error, 'CorruptBatch')) return 'refused'
    throw error
  }
}

function string(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('latin1')
}

describe('any batch', () => {
  test('reads back as it was made, whole and in pieces', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 20 }),
        fc.nat({ max: 2 ** 40 }),
        fc.integer({ min: 1, max: 5 }),
        (made, base, piece) => {
          let offsetDelta = -1
          const records = made.map(({ gap, ...rest }) => ({ ...rest, offsetDelta: (offsetDelta += 1 + gap) }))
          const bytes = craftBatch({ baseOffset: base, records, baseTimestamp: 1_700_000_000_000 })
          const expected = records.map((one) => ({
            position: String(base + one.offsetDelta),
            timestamp: 1_700_000_000_000 + one.timestampDelta,
            key: one.key === null ? null : Buffer.from(one.key).toString('latin1'),
            value: one.value === null ? null : Buffer.from(one.value).toString('latin1'),
            headers: one.headers.map(([name, value]) => `${name},${value ?? ''}`),
          }))
          const next = base + Math.max(0, offsetDelta) + 1
          expect(outcomeOf(bytes)).toEqual({ read: [next, expected] })
          expect(outcomeOf(bytes, piece)).toEqual({ read: [next, expected] })
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe.each(codecs)('a damaged batch, written with compression %s,', (codec) => {
  const bytes = written.get(codec) ?? Buffer.alloc(0)
  const right = outcomeOf(bytes)
  const damage = fc.array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  })
  const damaged = (changes: readonly (readonly [number, number])[]): Buffer => {
    const copy = Buffer.from(bytes)
    for (const [at, change] of changes) copy[at] = (copy[at] ?? 0) ^ change
    return copy
  }

  test('is refused wherever its checksum reaches', () => {
    fc.assert(
      fc.property(damage, (changes) => {
        const inside = changes.map(([at, change]) => [Math.max(at, 21), change] as const)
        const copy = damaged(inside)
        expect(outcomeOf(copy)).toEqual(copy.equals(bytes) ? right : 'refused')
      }),
      { numRuns: 300 },
    )
  })

  test('is read or refused even where its checksum fits again', () => {
    fc.assert(
      fc.property(damage, (changes) => {
        const copy = damaged(changes)
        copy.writeInt32BE(bytes.length - 12, 8)
        copy[16] = 2
        outcomeOf(sealBatch(copy))
      }),
      { numRuns: 300 },
    )
  })

  test('is read, refused or left to the next fetch where it is cut or framed wrongly', () => {
    fc.assert(
      fc.property(damage, fc.nat({ max: 21 }), fc.nat({ max: bytes.length }), (changes, reach, length) => {
        const copy = damaged(changes.map(([at, change]) => [at % reach || 0, change] as const)).subarray(0, length)
        outcomeOf(copy)
      }),
      { numRuns: 300 },
    )
  })
})
