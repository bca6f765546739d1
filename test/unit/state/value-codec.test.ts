import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { valueCodec } from '../../../src/state/value-codec.js'

const again = (value: unknown): unknown => valueCodec.decode(valueCodec.encode(value))

test('any plain data is the same again', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: false,
    withSparseArray: false,
    withTypedArray: false,
  })
  fc.assert(
    fc.property(anything, (value) => {
      expect(again(value)).toStrictEqual(value)
    }),
    { numRuns: 500 },
  )
})

test('what looks like a tag is data', () => {
  for (const value of [
    { '~date': 5 },
    { '~object': { '~x': 1 } },
    { '~': new Date(1) },
    { a: { '~map': [] }, b: '~' },
  ]) {
    expect(again(value)).toStrictEqual(value)
  }
})

test('plain JSON is plain JSON', () => {
  const value = { a: [1, 'two', null, true], b: {} }
  expect(Buffer.from(valueCodec.encode(value)).toString()).toBe(JSON.stringify(value))
})

test('bytes', () => {
  expect(again({ b: Uint8Array.of(0, 255) })).toStrictEqual({ b: Uint8Array.of(0, 255) })
  // What a buffer's methods give is another thing than what those of bytes give.
  const { b } = again({ b: Buffer.from('hello') }) as { b: Buffer }
  expect([b.toString(), Buffer.isBuffer(b)]).toEqual(['hello', true])
})

test('holes come back as what they read as', () => {
  const holes: unknown[] = []
  holes[2] = 'x'
  expect(again(holes)).toStrictEqual([undefined, undefined, 'x'])
  expect(again([1, undefined, Number.NaN])).toStrictEqual([1, undefined, Number.NaN])
})

test('keys that objects have from their prototype', () => {
  const value = JSON.parse('{"__proto__": {"constructor": 1}, "constructor": "c", "toString": null}') as object
  const kept = again({ value, more: { ...value, at: new Date(5) } }) as { value: object; more: object }
  expect(JSON.stringify(kept.value)).toBe(JSON.stringify(value))
  expect(Object.keys(kept.more)).toEqual(['__proto__', 'constructor', 'toString', 'at'])
  expect(Object.getPrototypeOf(kept.more)).toBe(Object.prototype)
})

class Money {
  cents = 1
}

test('what is refused is told with its place', () => {
  const value = { lines: [{ net: 1 }, { net: new Money() }], by: new Map([['a', 1]]) }
  expect(() => valueCodec.encode(value)).toThrow("at .lines[1].net: state can't hold an object of class Money")
  expect(() => valueCodec.encode({ by: new Map([['a', new Money()]]) })).toThrow('at .by[0][1]: ')
})

class Prices extends Map<string, number> {}
class Day extends Date {}
class Ids extends Set<string> {}
class Hash extends Uint8Array {}

test.each([
  ['an object of a class', new Money(), /^state can't hold an object of class Money/],
  ['a map of a class', new Prices(), /class Prices/],
  ['a date of a class', new Day(), /class Day/],
  ['a set of a class', new Ids(), /class Ids/],
  ['bytes of a class', new Hash(2), /class Hash/],
  ['an object made from another', Object.create(Object.create(null) as object), /class undefined/],
  ['a function', { f: () => 1 }, /function/],
  ['a symbol', Symbol('s'), /symbol/],
])('%s is refused', (_, value, why) => {
  expect(() => valueCodec.encode(value)).toThrow(why)
})

test('bytes that are none of its own are told without quoting them', () => {
  expect(() => valueCodec.decode(Buffer.from('secret'))).toThrow(/^not JSON, 6 characters/)
})
