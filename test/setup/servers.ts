/** Starts one Temporal and one Kafka for a whole test run, ends them after it. A server that can't be had fails the run. */
import type { TestProject } from 'vitest/node'

import { startDevStack } from '../../src/dev/stack.js'

declare module 'vitest' {
  interface ProvidedContext {
    temporalAddress: string
    brokers: string[]
  }
}

export default async function servers(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startDevStack({
    temporalAddress: process.env['TIDEMARK_TEST_TEMPORAL'],
    brokers: process.env['TIDEMARK_TEST_BROKERS']?.split(','),
    ui: false,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  })
  project.provide('temporalAddress', stack.temporal.address)
  project.provide('brokers', [...stack.kafka.brokers])
  return () => stack.stop()
}
