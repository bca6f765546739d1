/** Starts one Temporal, one Kafka and one Postgres for a whole test run, ends them after it. A server that can't be had fails the run. */
import type { TestProject } from 'vitest/node'

import { startPostgres } from '../../src/dev/postgres-server.js'
import { startDevStack } from '../../src/dev/stack.js'

declare module 'vitest' {
  interface ProvidedContext {
    temporalAddress: string
    brokers: string[]
    postgresUrl: string
  }
}

export default async function servers(project: TestProject): Promise<() => Promise<void>> {
  const onProgress = (line: string): boolean => process.stderr.write(`${line}\n`)
  const [stack, postgres] = await Promise.allSettled([
    startDevStack({
      temporalAddress: process.env['TIDEMARK_TEST_TEMPORAL'],
      brokers: process.env['TIDEMARK_TEST_BROKERS']?.split(','),
      ui: false,
      onProgress,
    }),
    startPostgres({ url: process.env['TIDEMARK_TEST_POSTGRES'], onProgress }),
  ])
  const stop = async (): Promise<void> => {
    const started = [stack, postgres].filter((server) => server.status === 'fulfilled')
    await Promise.all(started.map((server) => server.value.stop()))
  }
  if (stack.status === 'rejected' || postgres.status === 'rejected') {
    await stop()
    throw stack.status === 'rejected' ? stack.reason : (postgres as PromiseRejectedResult).reason
  }
  project.provide('temporalAddress', stack.value.temporal.address)
  project.provide('brokers', [...stack.value.kafka.brokers])
  project.provide('postgresUrl', postgres.value.url)
  return stop
}
