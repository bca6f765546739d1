import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import {
  duration,
  epochRange,
  hostPorts,
  partitionNumber,
  pipelineName,
  portNumber,
  startAt,
} from '../../../src/cli/values.js'

test.each([
  ['earliest', 'earliest'],
  ['latest', 'latest'],
  ['2026-01-31', { timestamp: new Date('2026-01-31T00:00:00Z') }],
  ['2026-01-31T08:00:00Z', { timestamp: new Date('2026-01-31T08:00:00Z') }],
  ['2026-01-31T08:00+01:00', { timestamp: new Date('2026-01-31T07:00:00Z') }],
  ['0=120', { offsets: { 0: '120' } }],
  ['0=120, 11=9007199254740993', { offsets: { 0: '120', 11: '9007199254740993' } }],
  ['{"0":"120","1":98}', { offsets: { 0: '120', 1: '98' } }],
])('--from %s', (text, from) => {
  expect(startAt(text)).toEqual(from)
})

test.each([
  '',
  'now',
  '2026-01-31T08:00:00',
  '2026-02-30',
  '2026-02-30T08:00:00Z',
  '2026-01-31T08:00:00Zx',
  '2026-99-01',
  '0',
  '0=',
  '=1',
  '0=1,',
  '0=-1',
  '{}',
  '{"a":"1"}',
  '{',
  '{"0":null}',
])('--from %j is refused', (text) => {
  expect(() => startAt(text)).toThrow(InvalidArgumentError)
})

test('durations have a unit, or are milliseconds', () => {
  expect([duration('30s'), duration('5 minutes'), duration('250')]).toEqual([30_000, 300_000, 250])
  for (const wrong of ['', '0', '-1', 'soon', '5 parsecs']) expect(() => duration(wrong)).toThrow(InvalidArgumentError)
})

test('numbers and addresses', () => {
  expect(partitionNumber('0')).toBe(0)
  expect(portNumber('65535')).toBe(65_535)
  expect(hostPorts('a:9092, b:9093')).toEqual(['a:9092', 'b:9093'])
  for (const wrong of ['-1', '1.5', 'x', '']) expect(() => partitionNumber(wrong)).toThrow(InvalidArgumentError)
  for (const wrong of ['0', '65536', '80x']) expect(() => portNumber(wrong)).toThrow(InvalidArgumentError)
  for (const wrong of ['a', 'a:', ':1', 'http://a:1', 'a:1,'])
    expect(() => hostPorts(wrong)).toThrow(InvalidArgumentError)
})

test('names of pipelines', () => {
  expect(pipelineName('delayed-flights')).toBe('delayed-flights')
  for (const wrong of ['', 'A', 'a/b', 'a_b']) expect(() => pipelineName(wrong)).toThrow(InvalidArgumentError)
})

test.each([
  ['12..40', { generation: null, from: 12, to: 40 }],
  ['12..', { generation: null, from: 12, to: null }],
  ['12', { generation: null, from: 12, to: 12 }],
  ['2/1..1', { generation: 2, from: 1, to: 1 }],
])('%s is a range of epochs', (text, range) => {
  expect(epochRange(text)).toEqual(range)
})

test.each(['', '0..4', '4..3', '..4', '1...4', '1-4', 'x', '/1', '1..4x'])('%j is none', (text) => {
  expect(() => epochRange(text)).toThrow('It has to be epochs')
})
