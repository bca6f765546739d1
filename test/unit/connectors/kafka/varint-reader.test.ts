import { expect, test } from 'vitest'
import { VarintReader } from '../../../../src/connectors/kafka/varint-reader.js'

const reader = (hex: string): VarintReader => new VarintReader(Buffer.from(hex, 'hex'), 0)

test.each([
  ['ffffffff0f', -(2 ** 31)],
  ['feffffff0f', 2 ** 31 - 1],
  ['8000', 0], // longer than need be
])('%s is a varint', (hex, value) => {
  expect(reader(hex).varint()).toBe(value)
})

test.each(['8080808010', 'ffffffff1f', '808080808000', '80', ''])('%s is none', (hex) => {
  expect(() => reader(hex).varint()).toThrow(RangeError)
})

test.each([
  ['ffffffffffffff1f', -(2 ** 53)],
  ['feffffffffffff1f', 2 ** 53 - 1],
  ['ffffffffffffffffff01', -(2 ** 63)],
  ['80808080808080808000', 0],
])('%s is a varlong', (hex, value) => {
  expect(reader(hex).varlong()).toBe(value)
})

test.each(['80808080808080808002', '8080808080808080808000', 'ff', ''])('%s is no varlong', (hex) => {
  expect(() => reader(hex).varlong()).toThrow(RangeError)
})
