import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { noHeaders } from '../../../../src/definition/headers.js'
import type { DecodeContext } from '../../../../src/definition/serde.js'
import { bytes, json, nullable, text, type Schema } from '../../../../src/definition/serdes/index.js'

const ctx: DecodeContext = { topic: 't', headers: noHeaders, isKey: false }
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)
const invalid = Uint8Array.of(0x22, 0xff, 0x22)
const messageOf = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('nothing was thrown')
}

/** The same bytes in the middle of a larger buffer, as records lie in a batch. */
function inBatch(value: Uint8Array): Uint8Array {
  const batch = new Uint8Array(value.length + 7).fill(0x7a)
  batch.set(value, 3)
  return batch.subarray(3, 3 + value.length)
}

describe('text', () => {
  test('reads what it writes, from within a larger buffer too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        expect(text().decode(inBatch(text().encode(value)), ctx)).toBe(value)
      }),
    )
  })
  test('refuses bytes that are no UTF-8, by their number', () => {
    expect(() => text().decode(invalid, ctx)).toThrow('not UTF-8 text (3 bytes)')
  })
  test('takes a replacement character that was written as one', () => {
    expect(text().decode(utf8('a�b'), ctx)).toBe('a�b')
  })
})

describe('bytes', () => {
  test('copies nothing', () => {
    const value = Uint8Array.of(0, 255)
    expect(bytes().decode(value, ctx)).toBe(value)
    expect(bytes().encode(value)).toBe(value)
  })
})

describe('json without a schema', () => {
  test('reads what it writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = json().encode(value)
        expect(json().decode(inBatch(written), ctx)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
  test('writes properties in the order in which they were added', () => {
    expect(Buffer.from(json().encode({ b: 1, a: 'ü' })).toString()).toBe('{"b":1,"a":"ü"}')
  })
  test.each([undefined, () => 1, Symbol('s')])('refuses to write what has no JSON', (value) => {
    expect(() => json().encode(value)).toThrow(/has no JSON/)
  })
  test.each([
    ['no JSON', 'hunter2', 'not JSON'],
    ['cut off', '{"password":"hunter2"', 'not JSON'],
    ['followed by more', '{"password":"hunter2"} hunter2', 'not JSON: at character 23 of 30'],
    ['a bad character', '["hunter2" hunter2]', 'not JSON: at character 11 of 19'],
    ['empty', '', 'not JSON: empty'],
  ])('names what is wrong with a text that is %s, without quoting it', (_, value, message) => {
    const thrown = messageOf(() => json().decode(utf8(value), ctx))
    expect(thrown).toContain(message)
    expect(thrown).not.toContain('hunter2')
  })
  test('refuses bytes that are no UTF-8 instead of replacing them', () => {
    expect(() => json().decode(invalid, ctx)).toThrow('not JSON: not UTF-8 (3 bytes)')
  })
})

describe('json with a schema', () => {
  const serde = json(z.object({ at: z.coerce.date(), items: z.array(z.object({ total: z.number() })) }))
  test('gives what the schema makes of it', () => {
    expect(serde.decode(utf8('{"at":"2026-01-01T00:00:00Z","items":[],"more":1}'), ctx)).toEqual({
      at: new Date('2026-01-01T00:00:00Z'),
      items: [],
    })
  })
  test('names the paths that are wrong, never their values', () => {
    const thrown = messageOf(() =>
      serde.decode(utf8('{"at":"2026-01-01","items":[{"total":1},{"total":"hunter2"}]}'), ctx),
    )
    expect(thrown).toMatch(/^items\[1\]\.total: .*expected number/)
    expect(thrown).not.toContain('hunter2')
  })
  test('does not list issues without end', () => {
    const many = { at: '2026-01-01', items: Array.from({ length: 8 }, () => ({})) }
    expect(messageOf(() => serde.decode(json().encode(many), ctx))).toMatch(/items\[4\].*; and 3 more$/)
  })
  test('is synchronous with a synchronous schema', () => {
    expect(json(z.number()).decode(utf8('1'), ctx)).toBe(1)
  })
  test('an asynchronous schema gives a promise, which rejects as the other throws', async () => {
    const slow = json(z.number().refine(async (n) => Promise.resolve(n > 1), 'too small'))
    const good = slow.decode(utf8('2'), ctx)
    expect(good).toBeInstanceOf(Promise)
    expect(await good).toBe(2)
    await expect(slow.decode(utf8('1'), ctx)).rejects.toThrow('too small')
  })
  test('takes any Standard Schema, which may need its `this`', () => {
    const own: Schema<number, number> = {
      '~standard': {
        version: 1,
        vendor: 'own',
        validate(value) {
          return this.vendor === 'own' && typeof value === 'number'
            ? { value: value * 2 }
            : { issues: [{ message: 'no' }] }
        },
      },
    }
    expect(json(own).decode(utf8('4'), ctx)).toBe(8)
    expect(messageOf(() => json(own).decode(utf8('"x"'), ctx))).toBe('does not match the schema')
  })
  test('writes what the schema reads', () => {
    const cents = json(z.string().transform(Number))
    expect(cents.decode(cents.encode('12'), ctx)).toBe(12)
  })
})

describe('nullable', () => {
  test('says that a tombstone is welcome, and is otherwise the same', () => {
    const serde = nullable(text())
    expect(serde.nullable).toBe(true)
    expect(text().nullable).toBeUndefined()
    expect(serde.decode(serde.encode('a'), ctx)).toBe('a')
  })
  test('has no bytes for null, which is no empty value', () => {
    expect(() => nullable(text()).encode(null)).toThrow('tombstone')
  })
  test('a decoder alone stays one', () => {
    expect(nullable({ decode: () => 1 })).not.toHaveProperty('encode')
  })
})
