import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findJava } from '../src/dev/java.js'
import { runLongCommand } from '../src/dev/run-command.js'
import type { Arena, CopyRound, Reply, Taken } from './contenders/round.js'
import { say } from './figures.js'

/** Its sources, also when this runs from dist. */
const project = fileURLToPath(new URL('../../bench/peers/kafka-streams', import.meta.url))
const jar = join(project, 'target/kafka-streams-copy-1.jar')
const sources = ['pom.xml', 'src/main/java/peer/Copy.java']

/** Kafka Streams in a JVM of its own, kept warm from round to round. */
export class StreamsProcess {
  private readonly child: ChildProcess
  private readonly lines: AsyncIterator<string>
  private readonly topic: string

  private constructor(child: ChildProcess, topic: string) {
    if (child.stdout === null) throw new TypeError('a child without its output')
    this.child = child
    this.topic = topic
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** Builds it where that hasn't been done, with Maven. Resolves when it is ready for its first round. */
  static async start({ brokers, topic, directory }: Arena): Promise<StreamsProcess> {
    await buildIfStale()
    const classPath = [jar, join(project, 'target/jars/*')].join(':')
    const args = ['-Xmx512m', '-cp', classPath, 'peer.Copy', brokers.join(), directory]
    const child = spawn(await findJava(), args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const streams = new StreamsProcess(child, topic)
    await streams.reply()
    return streams
  }

  async run({ to, commitMs }: CopyRound): Promise<Taken> {
    this.child.stdin?.write(`tidemark-bench-${randomUUID()} ${this.topic} ${to} ${commitMs}\n`)
    const reply = await this.reply()
    if ('taken' in reply) return reply.taken
    throw new Error('Kafka Streams did not say what its round took')
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.stdin?.end()
    await exit
  }

  private async reply(): Promise<Reply> {
    const { value, done } = await this.lines.next()
    if (done) throw new Error('the process of Kafka Streams ended')
    return JSON.parse(value) as Reply
  }
}

async function buildIfStale(): Promise<void> {
  const builtAt = await stat(jar).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
  const changedAt = await Promise.all(sources.map(async (source) => (await stat(join(project, source))).mtimeMs))
  if (Math.max(...changedAt) < builtAt) return
  say('building the Kafka Streams peer')
  await runLongCommand({
    command: 'mvn',
    args: ['--batch-mode', '--quiet', '--no-transfer-progress', '-Dstyle.color=never', 'package'],
    cwd: project,
    timeoutMs: 15 * 60_000,
    doing: 'mvn package of the Kafka Streams peer',
    onProgress: say,
  })
}
