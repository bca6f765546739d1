import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { findJava } from '../../src/dev/java.js'
import { kafkaJars } from '../../src/dev/kafka-distribution.js'

const program = fileURLToPath(new URL('FollowCommitted.java', import.meta.url))

/** A reader of committed records beside what writes them. Kafka's own Java client: kafkajs shows aborted ones too. */
export class CommittedFollower {
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>
  private errors = ''

  private constructor(child: ChildProcess, take: (partition: number, value: string) => void) {
    this.child = child
    child.stderr?.on('data', (text: Buffer) => (this.errors = `${this.errors}${text.toString()}`.slice(-4_000)))
    if (child.stdout === null) throw new TypeError('the reader has no output')
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => {
      const tab = line.indexOf('\t')
      take(Number(line.slice(0, tab)), line.slice(tab + 1))
    })
    this.ended = Promise.all([once(child, 'exit'), once(lines, 'close')])
    this.ended.catch(() => undefined)
  }

  /** Calls `take` for each record that becomes visible. Ends with this process at the latest. */
  static async start(
    brokers: readonly string[],
    topic: string,
    take: (partition: number, value: string) => void,
  ): Promise<CommittedFollower> {
    const [java, jars] = [await findJava(), join(await kafkaJars(), '*')]
    const args = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.statusLoggerLevel=OFF']
    const child = spawn(java, ['-cp', jars, ...args, program, brokers.join(','), topic], { stdio: 'pipe' })
    process.once('exit', () => child.kill('SIGKILL'))
    return new CommittedFollower(child, take)
  }

  /** Reads to the end of the topic, then no more. Throws where the reader failed. */
  async finish(): Promise<void> {
    this.child.stdin?.end('\n')
    await this.ended
    if (this.child.exitCode !== 0) throw new Error(`the reader of committed records failed: ${this.errors}`)
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
