/** The package as users get it runs a pipeline, on real servers, from a project that has nothing else of ours. */
import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { expect, it } from 'vitest'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { createTopic } from '../setup/topics.js'
import { uniqueName } from '../setup/unique-name.js'
import { scratchProject } from './installed-package.js'

const RECORDS = 20

it('runs a pipeline to its end', { timeout: 300_000 }, async () => {
  await using project = await scratchProject()
  const name = await createTopic(brokers(), uniqueName('installed'), 2)
  await produce(name)
  await copyFile(join(import.meta.dirname, 'consumer/run-pipeline.ts'), join(project.directory, 'run-pipeline.ts'))
  expect(await project.compile('run-pipeline.ts', { module: 'nodenext', outDir: 'dist' })).toBe('')

  const output = await project.node('dist/run-pipeline.js', temporalAddress(), brokers()[0] ?? '', name, 'out')

  expect(JSON.parse(output)).toMatchObject({ read: RECORDS, written: RECORDS / 2 })
  const out = join(project.directory, 'out')
  const files = (await readdir(out, { recursive: true })).filter((path) => path.endsWith('.jsonl'))
  const lines = (await Promise.all(files.map((path) => readFile(join(out, path), 'utf8')))).join('').trim().split('\n')
  const numbers = lines.map((line) => (JSON.parse(line) as { n: number }).n)
  expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
})

async function produce(topic: string): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: brokers(), clientId: 'test', logLevel: kafkajs.logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const messages = Array.from({ length: RECORDS }, (_, n) => ({ key: String(n), value: JSON.stringify({ n }) }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}
