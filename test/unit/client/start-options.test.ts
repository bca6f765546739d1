import { expect, test } from 'vitest'
import { checkStart, type StartOptions } from '../../../src/client/start-options.js'
import { parseInput } from '../../../src/control/describe.js'
import { InvalidCommand } from '../../../src/errors/control.js'

test('options become the input that a pipeline takes', () => {
  const { input, taskQueue, ifNotRunning } = checkStart('delays', {
    fresh: true,
    from: { offsets: { 0: '120', 3: '0' } },
    until: 'latest',
    checkpointInterval: '1.5s',
    maxHistoryEvents: 100,
    taskQueue: 'mine',
    ifNotRunning: true,
  })
  expect(input).toEqual({
    pipeline: 'delays',
    fresh: true,
    from: { offsets: { '0': '120', '3': '0' } },
    until: 'latest',
    checkpointMs: 1500,
    maxHistoryEvents: 100,
  })
  expect({ taskQueue, ifNotRunning }).toEqual({ taskQueue: 'mine', ifNotRunning: true })
})

test('no options are the least input: a start goes on where the last one stopped', () => {
  expect(checkStart('delays', {})).toEqual({
    input: { pipeline: 'delays' },
    taskQueue: undefined,
    ifNotRunning: false,
  })
})

test.each([
  ['a date', new Date('2026-01-31T08:00:00Z')],
  ['milliseconds', Date.UTC(2026, 0, 31, 8)],
])('a time given as %s stands in history as people read it', (_, timestamp) => {
  expect(checkStart('delays', { from: { timestamp } }).input.from).toEqual({ timestamp: '2026-01-31T08:00:00.000Z' })
})

test.each<StartOptions>([
  {},
  { from: 'earliest' },
  { from: { timestamp: new Date() } },
  { from: { offsets: { 0: '9007199254740993' } }, fresh: true },
  { until: 'latest', checkpointInterval: 100, maxHistoryEvents: 40 },
])('a worker takes what was checked here: %j', (options) => {
  const { input } = checkStart('delays', options)
  expect(parseInput(JSON.parse(JSON.stringify(input)))).toEqual(input)
})

test.each<[string, object]>([
  ['from', { from: 'yesterday' }],
  ['from', { from: { offsets: {} } }],
  ['from', { from: { offsets: { 0: 12 } } }],
  ['from', { from: { timestamp: new Date('nonsense') } }],
  ['until', { until: 'tomorrow' }],
  ['checkpointInterval', { checkpointInterval: 'soon' }],
  ['checkpointInterval', { checkpointInterval: '50ms' }],
  ['checkpointInterval', { checkpointInterval: '11m' }],
  ['maxHistoryEvents', { maxHistoryEvents: 39 }],
  ['taskQueue', { taskQueue: '' }],
  ['form', { form: 'earliest' }],
])('a wrong %s is named: %j', (name, options) => {
  expect(() => checkStart('delays', options)).toThrow(InvalidCommand)
  expect(() => checkStart('delays', options)).toThrow(name)
})

test('all faults are told at once, that of the name too', () => {
  const wrong = { until: 'x', maxHistoryEvents: 1 } as unknown as StartOptions
  expect(() => checkStart('Delays/1', wrong)).toThrow(/name must be kebab-case.*until.*maxHistoryEvents/)
})
