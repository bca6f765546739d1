import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChainedDigest, EMPTY_DIGEST } from '../../../src/engine/digest.js'

type Outputs = readonly (readonly [bytes: Uint8Array, tag: number])[]

function digest(outputs: Outputs, from?: string): string {
  const chained = new ChainedDigest(from)
  for (const [bytes, tag] of outputs) chained.update(bytes, tag)
  return chained.toString()
}

const outputs = fc.array(fc.tuple(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 5 })), { maxLength: 8 })
const text = (value: string): Uint8Array => Buffer.from(value)

/** So many of 128 bits differ. */
function distance(a: string, b: string): number {
  let bits = 0
  for (let i = 0; i < a.length; i++) {
    const differing = Number.parseInt(a[i] ?? '', 16) ^ Number.parseInt(b[i] ?? '', 16)
    bits += differing.toString(2).replaceAll('0', '').length
  }
  return bits
}

describe('the chained digest', () => {
  test('goes on from its own text, wherever it is cut', () => {
    fc.assert(
      fc.property(outputs, fc.nat(), (all, at) => {
        const cut = at % (all.length + 1)
        expect(digest(all.slice(cut), digest(all.slice(0, cut)))).toBe(digest(all))
      }),
    )
  })

  test('is 32 hexadecimal digits, none but zeros for nothing', () => {
    expect(digest([])).toBe(EMPTY_DIGEST)
    fc.assert(fc.property(outputs, (all) => /^[0-9a-f]{32}$/.test(digest(all))))
  })

  test('differs for outputs that differ: order, cuts between outputs, length, tag, any byte', () => {
    const a = text('a')
    const b = text('b')
    const distinct: Outputs[] = [
      [],
      [[text(''), 0]],
      [
        [text(''), 0],
        [text(''), 0],
      ],
      [[text(''), 1]],
      [[a, 0]],
      [[a, 1]],
      [
        [a, 0],
        [b, 0],
      ],
      [
        [b, 0],
        [a, 0],
      ],
      [[text('ab'), 0]],
      [
        [text('ab'), 0],
        [text(''), 0],
      ],
      [
        [text(''), 0],
        [text('ab'), 0],
      ],
      [
        [a, 0],
        [b, 1],
      ],
      [
        [a, 1],
        [b, 0],
      ],
      ...[15, 16, 17, 31, 32, 33].map((length): Outputs => [[new Uint8Array(length), 0]]),
    ]
    const all = distinct.map((one) => digest(one))
    expect(new Set(all).size).toBe(all.length)
  })

  test('a change of one bit anywhere changes about half of its bits', () => {
    const base = Uint8Array.from({ length: 53 }, (_, n) => (n * 37) & 0xff)
    const before = digest([
      [base, 0],
      [text('and what follows'), 0],
    ])
    const distances: number[] = []
    for (let bit = 0; bit < base.length * 8; bit++) {
      const changed = base.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      distances.push(
        distance(
          before,
          digest([
            [changed, 0],
            [text('and what follows'), 0],
          ]),
        ),
      )
    }
    const mean = distances.reduce((sum, bits) => sum + bits, 0) / distances.length
    expect(mean).toBeGreaterThan(60)
    expect(mean).toBeLessThan(68)
    expect(Math.min(...distances)).toBeGreaterThan(30)
  })

  test('numbers do not collide, however alike', () => {
    const seen = new Set<string>()
    for (let n = 0; n < 20_000; n++) seen.add(digest([[text(`{"n":${n}}`), 0]]))
    for (let n = 0; n < 20_000; n++) seen.add(digest([[text(`${n}`), n % 3]]))
    expect(seen.size).toBe(40_000)
  })

  test('is what it has always been: receipts of older versions are compared with it', () => {
    expect(digest([[text('a'), 0]])).toBe('3430d770cfe4e52762fa4ce9fc34f3c7')
    expect(
      digest([
        [text('the quick brown fox jumps over the lazy dog'), 3],
        [text(''), 0],
      ]),
    ).toBe('fafba81e4939d4628172a82d80c0dbc5')
  })
})
