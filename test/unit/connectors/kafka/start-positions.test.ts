import { beforeAll, describe, expect, test } from 'vitest'
import type { StartAt } from '../../../../src/definition/source.js'
import { brokers } from '../../../setup/shared-servers.js'
import { createTopic } from '../../../setup/topics.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { boundsOf, definitionOf, deleteBelow, produce } from './reading.js'

const day = Date.UTC(2026, 0, 1)

/** Ten records, one a minute, of which the first two are gone. */
let topic: string

beforeAll(async () => {
  topic = await createTopic(brokers(), uniqueName('start'), 1, { 'retention.ms': '-1' })
  for (let minute = 0; minute < 10; minute++) {
    await produce(brokers(), topic, [{ value: String(minute), timestamp: String(day + minute * 60_000) }])
  }
  await deleteBelow(brokers(), topic, 2)
})

const startOf = async (startAt: StartAt, onDataLoss: 'fail' | 'skip' = 'fail') =>
  (await boundsOf(definitionOf(topic, { startAt, onDataLoss }), { brokers: brokers() })).start

describe('a fresh pipeline starts', () => {
  test.each<[string, StartAt, string]>([
    ['at the earliest record there is', 'earliest', '2'],
    ['at the end', 'latest', '10'],
    ['at the first record of a time', { timestamp: day + 5 * 60_000 }, '5'],
    ['at the first record after a time', { timestamp: new Date(day + 5 * 60_000 + 1) }, '6'],
    ['at the earliest record where the time is before all', { timestamp: day }, '2'],
    ['at the end where no record is that young', { timestamp: day + 86_400_000 }, '10'],
    ['at the offset given', { offsets: { 0: '7' } }, '7'],
    ['at the very end', { offsets: { 0: '10' } }, '10'],
    ['at the earliest record where other partitions’ offsets are given', { offsets: { 1: '7' } }, '2'],
  ])('%s', async (_, startAt, expected) => {
    expect(await startOf(startAt)).toBe(expected)
  })

  test('at the earliest record unless told otherwise', async () => {
    expect(await boundsOf(definitionOf(topic), { brokers: brokers() })).toMatchObject({ start: '2', end: '10' })
  })

  test('where the start command says, whatever the source says', async () => {
    const definition = definitionOf(topic, { startAt: 'latest' })
    expect((await boundsOf(definition, { brokers: brokers() }, { offsets: { 0: '4' } })).start).toBe('4')
  })

  test('not at an offset that is gone', async () => {
    await expect(startOf({ offsets: { 0: '1' } })).rejects.toMatchObject({
      code: 'PositionLost',
      details: { topic, partition: 0, position: '1', earliest: '2', end: '10', lost: { from: '1', to: '2' } },
    })
    expect(await startOf({ offsets: { 0: '1' } }, 'skip')).toBe('2')
  })

  test('not at an offset that is yet to come', async () => {
    await expect(startOf({ offsets: { 0: '11' } }, 'skip')).rejects.toMatchObject({
      code: 'PositionLost',
      details: { position: '11', end: '10', lost: { from: '10', to: '11' } },
    })
  })
})
