/** Topics that aren't what they were: it is told, never jumped over, and nothing of it is read as something else. */
import { definePipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { expect } from 'vitest'
import { uniqueName } from '../../setup/unique-name.js'
import { waitUntil } from '../../setup/wait-until.js'
import type { Output } from '../output.js'
import type { Rig } from '../rig.js'
import { numbers, type Topics } from '../topics.js'
import { begunAnew, numbersOf, parked, PATIENT, range, reached, type Row } from './row.js'

interface Scene {
  readonly rig: Rig
  readonly topics: Topics
  /** Of the pipeline and of its topic, which has ten records in each partition. */
  readonly name: string
  readonly files: Output
}

interface LostTopic {
  readonly input: string
  readonly code: Row['code']
  readonly partitions?: number
  readonly onDataLoss?: 'skip'
  readonly run: (scene: Scene) => Promise<void>
}

function lost({ input, code, partitions = 1, onDataLoss, run }: LostTopic): Row {
  return {
    input,
    code,
    async set({ topics, output }) {
      const name = uniqueName('lost-topic')
      const files = await output()
      await topics.make(name, partitions)
      for (const partition of range(0, partitions)) await topics.send(name, partition, numbers(10))
      const pipeline = definePipeline({
        name,
        sources: { numbers: numbersOf(name, onDataLoss === undefined ? {} : { onDataLoss }) },
        steps: ({ numbers: read }) => read.to('files', fileSink({ directory: files.directory, origin: true })),
        checkpoint: { interval: '500ms' },
      })
      return { pipeline, run: (rig) => run({ rig, topics, name, files }) }
    },
  }
}

/** Runs to the end of what is there. */
async function readAll({ rig, name }: Scene): Promise<void> {
  await (await rig.begin(name, { until: 'latest' })).result()
}

async function deleteBefore({ topics, name: topic }: Scene, offset: number): Promise<void> {
  const partitions = [{ partition: 0, offset: String(offset) }]
  await topics.administrate(async (admin) => {
    // Lets kafkajs know of the topic.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions })
  })
}

/** Makes a topic of that name that is gone again, with twenty other records. */
async function makeAgain({ topics, name }: Scene): Promise<void> {
  await topics.make(name, 1)
  await sendAnew(topics, name)
}

/** The topic is gone for a moment only: not for so long that its readers would take it for lost. */
async function replace({ topics, name }: Scene): Promise<void> {
  await topics.replace(name, 1)
  await sendAnew(topics, name)
}

async function sendAnew(topics: Topics, name: string): Promise<void> {
  // The broker learns of it some time after its controller; what came before would go to the old one.
  const isEmpty = async (): Promise<boolean> => {
    const ends = await topics.administrate((admin) => admin.fetchTopicOffsets(name))
    return ends.length === 1 && ends[0]?.high === '0'
  }
  await waitUntil(isEmpty, { for: `topic ${name} to be the new one` })
  await topics.send(name, 0, numbers(20))
}

/** What was read stays as it is; the new topic is read from its beginning, all of it, into the next generation. */
async function readAnew(scene: Scene): Promise<void> {
  const { rig, name, files } = scene
  expect(await files.positions(0)).toEqual(range(0, 10))
  await begunAnew(rig, name, 0)
  expect(await files.positions(0, 1)).toEqual(range(0, 10))
  await files.expectNumbers([20], 2)
}

export const lostTopics: readonly Row[] = [
  lost({
    input: 'topic deleted',
    code: 'PartitionsLost',
    async run(scene) {
      const { rig, topics, name } = scene
      await rig.begin(name)
      await reached(rig, name, 10)
      await topics.delete(name)
      const { problem } = await parked(rig, name, 'PartitionsLost')
      expect(problem.message).toContain('it does not exist')
      const told = await rig.until(name, (status) => status.problem !== null, {
        ...PATIENT,
        for: 'the pipeline to say so too',
      })
      expect(told.problem?.code).toBe('PartitionsLost')
      await makeAgain(scene)
      await readAnew(scene)
    },
  }),
  lost({
    input: 'topic truncated',
    code: 'PositionLost',
    async run(scene) {
      const { rig, topics, name, files } = scene
      await readAll(scene)
      await topics.send(name, 0, numbers(20, 10))
      await deleteBefore(scene, 17)
      await rig.begin(name)
      const { problem, positions } = await parked(rig, name, 'PositionLost')
      expect(problem.message).toContain(
        'position 10 was deleted before it was read; lost 10 up to 17, left 17 up to 30',
      )
      expect(positions).toEqual({ numbers: '10' })
      await begunAnew(rig, name, 17)
      expect(await files.positions(0, 1)).toEqual(range(0, 10))
      expect(await files.positions(0, 2)).toEqual(range(17, 30))
    },
  }),
  lost({
    input: "topic truncated, under `onDataLoss: 'skip'`",
    code: null,
    onDataLoss: 'skip',
    async run(scene) {
      const { rig, topics, name, files } = scene
      await readAll(scene)
      await topics.send(name, 0, numbers(20, 10))
      await deleteBefore(scene, 17)
      await readAll(scene)
      expect(await files.positions(0)).toEqual([...range(0, 10), ...range(17, 30)])
      expect((await rig.status(name)).counters).toEqual({ read: 23, written: 23, skipped: 7, deadLettered: 0 })
    },
  }),
  lost({
    input: 'partition recreated while it is read',
    code: 'SourceChanged',
    async run(scene) {
      const { rig, name } = scene
      await rig.begin(name)
      await reached(rig, name, 10)
      await replace(scene)
      const { problem, positions } = await parked(rig, name, 'SourceChanged')
      expect(problem.message).toContain('the topic was deleted and made anew')
      expect(positions).toEqual({ numbers: '10' })
      await readAnew(scene)
    },
  }),
  lost({
    input: 'partition recreated between two runs',
    code: 'SourceChanged',
    async run(scene) {
      const { rig, name } = scene
      await readAll(scene)
      await replace(scene)
      await rig.begin(name)
      const { problem } = await parked(rig, name, 'SourceChanged')
      expect(problem.message).toContain('has changed at position 10')
      await readAnew(scene)
    },
  }),
  lost({
    input: 'topic recreated with fewer partitions',
    code: 'PartitionsLost',
    partitions: 2,
    async run(scene) {
      const { rig, name, files } = scene
      await rig.begin(name)
      await rig.until(name, ({ tasks }) => tasks.length === 2, PATIENT)
      await reached(rig, name, 10)
      await replace(scene)
      // A look while it was gone may have said something else before.
      const counted = 'it has 1 partition, and had 2'
      const told = await rig.until(
        name,
        ({ tasks, problem }) =>
          problem?.message.includes(counted) === true && tasks.every((task) => task.state === 'parked'),
        { ...PATIENT, for: `the pipeline to say: ${counted}` },
      )
      expect(told.problem?.code).toBe('PartitionsLost')
      await files.expectNumbers([10, 10])
      await begunAnew(rig, name, 0)
      await files.expectNumbers([20], 2)
    },
  }),
]
