import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SourceReader } from '../../../../src/definition/source.js'
import { brokers } from '../../../setup/shared-servers.js'
import { createTopic } from '../../../setup/topics.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { definitionOf, deleteBelow, open, poll, produce, shown } from './reading.js'

let topic: string
let reader: SourceReader<unknown> | undefined

beforeEach(async () => {
  topic = await createTopic(brokers(), uniqueName('loss'), 1)
  for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await produce(brokers(), topic, [value])
})

afterEach(async () => {
  await reader?.close()
  reader = undefined
})

const lost = (position: string) => ({
  code: 'PositionLost',
  retryable: false,
  details: {
    pipeline: 'delays',
    source: 'flights',
    topic,
    partition: 0,
    position,
    earliest: '4',
    end: '6',
    lost: { from: position, to: '4' },
  },
})

describe('records that were deleted before they were read', () => {
  test('are an error when the partition is opened there', async () => {
    await deleteBelow(brokers(), topic, 4)
    await expect(open(definitionOf(topic), { brokers: brokers(), position: '1' })).rejects.toMatchObject(lost('1'))
  })

  test('are an error while it is read', async () => {
    reader = await open(definitionOf(topic), { brokers: brokers() })
    expect(shown(await poll(reader, { maxBytes: 1 }))).toEqual(['0:a'])
    await deleteBelow(brokers(), topic, 4)
    await expect(poll(reader)).rejects.toMatchObject(lost('1'))
  })

  test('are skipped and reported where the policy says so', async () => {
    reader = await open(definitionOf(topic, { onDataLoss: 'skip' }), { brokers: brokers() })
    expect(shown(await poll(reader, { maxBytes: 1 }))).toEqual(['0:a'])
    await deleteBelow(brokers(), topic, 4)
    expect(await poll(reader)).toMatchObject({ records: [], next: '4', skipped: { from: '1', to: '4' } })
    const rest = await poll(reader)
    expect(shown(rest)).toEqual(['4:e', '5:f'])
    expect(rest.skipped).toBeUndefined()
  })

  test('are skipped and reported when the partition is opened there', async () => {
    await deleteBelow(brokers(), topic, 4)
    reader = await open(definitionOf(topic, { onDataLoss: 'skip' }), { brokers: brokers(), strictUntil: '0' })
    expect(await poll(reader)).toMatchObject({ records: [], next: '4', skipped: { from: '0', to: '4' } })
  })

  test('are never skipped where they are to be read again', async () => {
    await deleteBelow(brokers(), topic, 4)
    const asked = { brokers: brokers(), position: '2', strictUntil: '3' }
    await expect(open(definitionOf(topic, { onDataLoss: 'skip' }), asked)).rejects.toMatchObject({
      code: 'SourceChanged',
      retryable: false,
      message: expect.stringContaining('was records from 2 to 3, to be read again, is records from 4 on'),
    })
  })
})

test('a log that was cut off below what is to be read again is not waited for', async () => {
  const asked = { brokers: brokers(), position: '2', strictUntil: '9' }
  await expect(open(definitionOf(topic, { onDataLoss: 'skip' }), asked)).rejects.toMatchObject({
    code: 'SourceChanged',
    message: expect.stringContaining('a log that ends at 6'),
  })
})

test.each(['fail', 'skip'] as const)('a position beyond the end is an error with onDataLoss %s', async (onDataLoss) => {
  reader = await open(definitionOf(topic, { onDataLoss }), { brokers: brokers(), position: '9' })
  await expect(poll(reader)).rejects.toMatchObject({
    code: 'PositionLost',
    details: { position: '9', earliest: '0', end: '6', lost: { from: '6', to: '9' } },
    message: expect.stringContaining('is beyond the end'),
  })
})
