import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { findJava } from '../../src/dev/java.js'
import { kafkaJars } from '../../src/dev/kafka-distribution.js'

/** What a topic holds, as Java's KafkaConsumer gives it. Keys, values and headers' names and values are base64. */
export interface JavaView {
  readonly topic: string
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly first: number
  /** The last stable offset, or of uncommitted reading the log's end. */
  readonly end: number
  readonly records: ReadonlyMap<number, JavaRecord>
  /** By the offset at which it started to read: the offsets of what came. */
  readonly starts: ReadonlyMap<number, readonly number[]>
}

export interface JavaRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
}

/** Each is written to a topic of that name: see WriteTopics.java. */
export type JavaTopic = 'transactions' | 'open' | 'codecs' | 'times' | 'compacted'

/** Has the Java producer write the topics. */
export async function writeTopics(brokers: readonly string[], topics: readonly JavaTopic[]): Promise<void> {
  await runJava('WriteTopics', [brokers.join(), ...topics])
}

/** Has the Java consumer read the topics from every offset, at both isolation levels. */
export async function readTopics(brokers: readonly string[], topics: readonly JavaTopic[]): Promise<JavaView[]> {
  const views: (JavaView & { records: Map<number, JavaRecord>; starts: Map<number, readonly number[]> })[] = []
  for (const line of (await runJava('ReadTopics', [brokers.join(), ...topics])).trim().split('\n')) {
    const told = JSON.parse(line) as
      | Pick<JavaView, 'topic' | 'isolation' | 'first' | 'end'>
      | { readonly record: JavaRecord }
      | { readonly start: number; readonly offsets: readonly number[] }
    if ('topic' in told) views.push({ ...told, records: new Map(), starts: new Map() })
    else if ('record' in told) views.at(-1)?.records.set(told.record.offset, told.record)
    else views.at(-1)?.starts.set(told.start, told.offsets)
  }
  return views
}

/** Runs a program of this directory with the jars that the broker runs from, and returns what it printed. Needs a JDK. */
async function runJava(program: string, args: readonly string[]): Promise<string> {
  const source = fileURLToPath(new URL(`java/${program}.java`, import.meta.url))
  const jars = join(await kafkaJars(), '*')
  const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.level=OFF', '-cp', jars]
  const { stdout } = await promisify(execFile)(await findJava(), [...jvm, source, ...args], {
    maxBuffer: 2 ** 30,
    timeout: 300_000,
    killSignal: 'SIGKILL',
  })
  return stdout
}
