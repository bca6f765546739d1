/** The bare loop: a kafkajs consumer group of one, lines appended to a file, no guarantee. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import kafkajs, { type KafkaMessage } from 'kafkajs'
import { isTenth, isTenthOfRaw, Numbered } from '../records.js'
import type { Arena, Mode, Round, Taken } from './round.js'
import { type Contender, serve, timed } from './serve.js'

/** The fastest of 1, 2, 4, 8 and 16 MiB: see docs/performance.md. */
const FETCH_BYTES = 8 * 1024 * 1024

const NEWLINE = Buffer.from('\n')

/** What a batch adds to the file. */
const linesOf: Record<Mode, (messages: readonly KafkaMessage[]) => Buffer | string> = {
  raw(messages) {
    const lines: Buffer[] = []
    for (const { value } of messages) if (value !== null && isTenthOfRaw(value)) lines.push(value, NEWLINE)
    return Buffer.concat(lines)
  },
  json(messages) {
    let lines = ''
    for (const { value } of messages) {
      if (value === null) continue
      const record = Numbered.parse(JSON.parse(value.toString()))
      if (isTenth(record)) lines += `${JSON.stringify(record)}\n`
    }
    return lines
  },
}

class BareLoop implements Contender<Round> {
  private readonly arena: Arena
  private readonly client: kafkajs.Kafka

  constructor(arena: Arena) {
    this.arena = arena
    this.client = new kafkajs.Kafka({
      brokers: [...arena.brokers],
      clientId: 'tidemark-bench',
      logLevel: kafkajs.logLevel.NOTHING,
    })
  }

  async run({ mode }: Round): Promise<Taken> {
    const { topic, directory } = this.arena
    const target = join(directory, mode)
    await mkdir(target, { recursive: true })
    const file = await open(join(target, 'lines.jsonl'), 'a')
    const consumer = this.client.consumer({
      groupId: `tidemark-bench-${randomUUID()}`,
      maxBytesPerPartition: FETCH_BYTES,
      maxBytes: FETCH_BYTES,
    })
    try {
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      return await this.readAll(consumer, file, linesOf[mode])
    } finally {
      await consumer.disconnect()
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** The clock starts when the group has been joined, and stops when the file is closed. */
  private async readAll(consumer: kafkajs.Consumer, file: FileHandle, lines: (typeof linesOf)[Mode]): Promise<Taken> {
    const { records } = this.arena
    return await new Promise<Taken>((resolve, reject) => {
      let read = 0
      let done = (): void => undefined
      const allRead = new Promise<void>((settle) => (done = settle))
      consumer.on(consumer.events.GROUP_JOIN, () => {
        timed(async () => {
          await allRead
          await file.close()
        }).then(resolve, reject)
      })
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        // It starts again by itself; what that reads twice shows when the outputs are compared.
        if (!payload.restart) reject(payload.error)
      })
      const run = consumer.run({
        // As often as Tidemark's checkpoints are.
        autoCommitInterval: 5_000,
        eachBatch: async ({ batch }) => {
          await file.appendFile(lines(batch.messages))
          read += batch.messages.length
          if (read >= records) done()
        },
      })
      run.catch(reject)
    })
  }
}

await serve((arena) => Promise.resolve(new BareLoop(arena)))
