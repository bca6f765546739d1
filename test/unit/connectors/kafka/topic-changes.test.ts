import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SourceReader } from '../../../../src/definition/source.js'
import { brokers } from '../../../setup/shared-servers.js'
import { createTopic } from '../../../setup/topics.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { definitionOf, open, partitionsOf, poll, produce, readUntil, withAdmin } from './reading.js'

let topic: string
let reader: SourceReader<unknown>

beforeEach(async () => {
  topic = await createTopic(brokers(), uniqueName('changes'), 1)
  await produce(brokers(), topic, ['a', 'b'])
  reader = await open(definitionOf(topic), { brokers: brokers() })
  await readUntil(reader, 2)
})

afterEach(() => reader.close())

async function deleteTopic(): Promise<void> {
  await withAdmin(brokers(), async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await waitUntil(async () => !(await admin.listTopics()).includes(topic))
  })
}

/** Polls until it fails. */
async function failureOf(reading: SourceReader<unknown>): Promise<unknown> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    try {
      await poll(reading)
    } catch (error) {
      return error
    }
  }
  throw new Error('it went on for 60 s')
}

describe('a topic that is deleted', () => {
  test('ends its reader with PartitionsLost, after a grace', async () => {
    await deleteTopic()
    const begun = performance.now()
    expect(await failureOf(reader)).toMatchObject({
      code: 'PartitionsLost',
      retryable: false,
      details: { topic, partition: 0, found: 0 },
      message: expect.stringContaining('it does not exist'),
    })
    expect(performance.now() - begun).toBeGreaterThan(4_000)
  })

  test('has no partitions to count, and none to open', async () => {
    await deleteTopic()
    const failure = { code: 'PartitionsLost', details: { topic, found: 0 } }
    const asked = [
      partitionsOf(definitionOf(topic), { brokers: brokers() }),
      open(definitionOf(topic), { brokers: brokers() }),
    ]
    await Promise.all(asked.map((answer) => expect(answer).rejects.toMatchObject(failure)))
  })
})

test('a topic made anew under its reader is another one, even if it has that many records', async () => {
  const was = reader.identity
  await deleteTopic()
  await waitUntil(() => createTopic(brokers(), topic, 1).catch(() => null))
  await produce(brokers(), topic, ['A', 'B', 'C', 'D'])
  expect(await failureOf(reader)).toMatchObject({
    code: 'SourceChanged',
    retryable: false,
    details: { topic, partition: 0, position: '2', was: `topic id ${was}` },
    message: expect.stringContaining('deleted and made anew'),
  })
  const anew = await open(definitionOf(topic), { brokers: brokers() })
  expect(anew.identity).not.toBe(was)
  await anew.close()
})

test('a partition that isn’t there is lost', async () => {
  await expect(open(definitionOf(topic), { brokers: brokers(), partition: 4 })).rejects.toMatchObject({
    code: 'PartitionsLost',
    details: { topic, partition: 4, found: 1 },
    message: expect.stringContaining('has 1 partition'),
  })
})
