import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readSet, valuesOf } from './read-set.js'

/** The values of fixtures/README.md, made again. */
function longValue(index: number, codec: string): string {
  let text = ''
  while (text.length < 5000) {
    text += `record ${index} of the ${codec} topic; `
    text += String((index * 7919 + text.length) % 1000)
  }
  return text
}

describe.each([
  ['none', 3],
  ['gzip', 60],
  ['snappy', 60],
  ['lz4', 60],
  ['zstd', 60],
])('what the Java producer wrote with compression %s', (codec, count) => {
  const bytes = readFileSync(new URL(`fixtures/java-${codec}.bin`, import.meta.url))

  test('reads as it was written', () => {
    const { records, next } = readSet(bytes)
    expect(next).toBe(count + 3)
    expect(records.map(({ position, next: after }) => [position, after])).toEqual(
      Array.from({ length: count + 3 }, (_, offset) => [String(offset), String(offset + 1)]),
    )
    const [first, tombstone, keyless, ...long] = records
    expect(Buffer.from(first?.key ?? []).toString()).toBe('k0')
    expect(Buffer.from(first?.value ?? []).toString()).toBe('v0')
    expect(first?.timestamp).toBe(1_700_000_000_000)
    expect([...(first?.headers ?? [])].map(([name, value]) => `${name}=${Buffer.from(value).toString()}`)).toEqual([
      'trace=one',
      'kind=x',
      'trace=two',
      'empty=',
    ])
    expect(first?.headers.get('trace')).toBe('two')
    expect(first?.headers.get('absent')).toBeUndefined()
    expect(first?.headers.all('trace')).toHaveLength(2)
    expect(tombstone?.value).toBeNull()
    expect(tombstone?.timestamp).toBe(1_699_995_000_000)
    expect([...(tombstone?.headers ?? [])]).toEqual([])
    expect(keyless?.key).toBeNull()
    expect(keyless?.value).toHaveLength(0)
    expect(keyless?.timestamp).toBe(1_705_000_000_000)
    expect(long).toHaveLength(count)
    for (const [index, record] of long.entries()) {
      expect(Buffer.from(record.key ?? []).toString()).toBe(`key${index}`)
      expect(record.timestamp).toBe(1_700_000_000_000 + index)
      expect(Buffer.from(record.value ?? []).toString()).toBe(longValue(index, codec))
    }
  })

  test('reads the same in pieces', () => {
    const whole = valuesOf(readSet(bytes).records).join()
    for (const pieces of [{ maxRecords: 1 }, { maxBytes: 1 }, { maxRecords: 7, maxBytes: 12_000 }]) {
      expect(valuesOf(readSet(bytes, pieces).records).join() === whole).toBe(true)
    }
  })

  test('reads from within', () => {
    const { records, next } = readSet(bytes, { from: 4 })
    expect(records[0]?.position).toBe('4')
    expect(records).toHaveLength(count - 1)
    expect(next).toBe(count + 3)
  })

  test('is refused with any bit changed', () => {
    for (const at of [30, 61, 100, bytes.length - 1]) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ 0x10
      expect(() => readSet(damaged)).toThrow('does not match its checksum')
    }
  })
})
