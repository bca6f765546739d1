import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startDevStack } from '../src/dev/stack.js'
import type { Arena } from './contenders/round.js'
import { count, say } from './figures.js'
import type { BenchOptions } from './options.js'
import { fillTopic } from './topic.js'

/** Servers, a filled topic and an empty directory, for as long as `work` takes. */
export async function onStage(options: BenchOptions, work: (arena: Arena) => Promise<void>): Promise<void> {
  const { temporalAddress, brokers, records } = options
  const stack = await startDevStack({ temporalAddress, brokers, ui: false, onProgress: say })
  // Beside the build, not in the temporary directory: that may be in memory.
  const parent = join(process.cwd(), 'out')
  await mkdir(parent, { recursive: true })
  const directory = await mkdtemp(join(parent, 'bench-'))
  try {
    say(`filling a topic with ${count(records)} records`)
    const topic = await fillTopic(stack.kafka.brokers, records)
    await work({ temporalAddress: stack.temporal.address, brokers: stack.kafka.brokers, topic, records, directory })
  } finally {
    await stack.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
