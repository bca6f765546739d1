import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { findJava } from '../../src/dev/java.js'
import { kafkaJars } from '../../src/dev/kafka-distribution.js'

const program = fileURLToPath(new URL('ReadCommitted.java', import.meta.url))

/** It runs for a moment: what makes long runs fast costs half of that. */
const QUICK = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dlog4j2.statusLoggerLevel=OFF']

export interface CommittedRecord {
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
}

/**
 * All that an ordinary reader of committed records sees of a topic, in order within each partition. Read by Kafka's own
 * Java client: kafkajs shows records of aborted transactions. Waits for transactions that are being ended, and
 * throws where one stays open for a minute. Needs a JDK.
 */
export async function readCommitted(brokers: readonly string[], topic: string): Promise<readonly CommittedRecord[]> {
  const jars = join(await kafkaJars(), '*')
  const { stdout } = await promisify(execFile)(
    await findJava(),
    [...QUICK, '-cp', jars, program, brokers.join(','), topic],
    { maxBuffer: 512 * 1024 ** 2 },
  )
  return stdout.split('\n').flatMap((line) => {
    const [kind, partition, key = 'null', value = 'null'] = line.split('\t')
    return kind === 'record' ? [{ partition: Number(partition), key: textOf(key), value: textOf(value) }] : []
  })
}

const textOf = (base64: string): string | null => (base64 === 'null' ? null : Buffer.from(base64, 'base64').toString())
