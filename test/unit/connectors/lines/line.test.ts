import { describe, expect, test } from 'vitest'
import { lineEncoder, type LineOptions } from '../../../../src/connectors/lines/line.js'
import { outputOf } from '../file/claims.js'

function lineOf<T>(options: LineOptions<T>, value: T): string {
  const { bytes, from } = lineEncoder(options)(outputOf(value, 7))
  return Buffer.from(bytes.subarray(from)).toString()
}

describe('a line', () => {
  test('is JSON with a newline', () => {
    expect(lineOf({}, { a: 'x\ny', b: [1, null] })).toBe('{"a":"x\\ny","b":[1,null]}\n')
    expect(lineOf({}, null)).toBe('null\n')
  })

  test('tells where its value came from, if asked', () => {
    expect(lineOf({ origin: true }, 'v')).toBe('{"origin":{"source":"in","partition":3,"position":"7"},"value":"v"}\n')
  })

  test('is what the format makes of it, ended by one newline', () => {
    const format = { encode: (value: string) => Buffer.from(value) }
    expect(lineOf({ format }, 'x')).toBe('x\n')
    expect(lineOf({ format }, 'x\n')).toBe('x\n')
    expect(lineOf({ format }, '')).toBe('\n')
  })

  test.each([[undefined], [() => 1], [10n], [{ n: 10n }], [Symbol('s')]])(
    'cannot be made of %s: a bad record',
    (value) => {
      expect(() => lineOf<unknown>({}, value)).toThrow(TypeError)
      expect(() => lineOf<unknown>({ origin: true }, value)).toThrow(TypeError)
    },
  )

  test('is digested with its path: the same value elsewhere is another output', () => {
    const bytesAt = (path: string): string =>
      Buffer.from(lineEncoder({ path: () => path })(outputOf('v')).bytes).toString()
    expect(bytesAt('a')).not.toBe(bytesAt('b'))
    expect(lineOf({ path: () => 'a/b' }, 'v')).toBe('"v"\n')
  })
})

describe('a path', () => {
  test.each(['', 'a', 'country=DE', 'a/b/c', 'ä ö', 'x'.repeat(255)])('may be %j', (path) => {
    expect(lineEncoder({ path: () => path })(outputOf('v')).path).toBe(path)
  })

  test.each([
    ['/a', 'must be relative'],
    ['..', "begin with '.'"],
    ['a/../b', "begin with '.'"],
    ['.tidemark/x', "begin with '.'"],
    ['a//b', 'empty parts'],
    ['a/', 'empty parts'],
    ['a\\b', 'backslashes'],
    ['C:', 'colons'],
    ['a\0b', 'control characters'],
    ['a\nb', 'control characters'],
    ['x'.repeat(256), 'above 255 bytes'],
    ['x/'.repeat(600) + 'x', 'at most 1024 bytes'],
  ])('%j makes a bad record', (path, reason) => {
    expect(() => lineEncoder({ path: () => path })(outputOf('v'))).toThrow(reason)
  })

  test('that is no string makes a bad record', () => {
    const path = (): string => undefined as unknown as string
    expect(() => lineEncoder({ path })(outputOf('v'))).toThrow('must be a string')
  })
})
