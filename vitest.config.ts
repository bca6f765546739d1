import { defineConfig } from 'vitest/config'

import LongFilesFirst from './test/setup/long-files-first.js'

// Brokers of tests live for seconds: compiling them for a long life takes half of the CPU time that their start costs.
process.env['JAVA_TOOL_OPTIONS'] ??= '-XX:TieredStopAtLevel=1'

/** Directories whose tests get the shared Temporal and Kafka; the others start in no time. */
const withServers = [
  'test/guarantees/**/*.test.ts',
  'test/connectors/**/*.test.ts',
  'test/unit/connectors/**/*.test.ts',
  'test/contract/{kafkajs,temporal-worker,installed-package}.test.ts',
]

const shared = {
  // The built package, imported by its name, runs as users run it: loaded by Node, not transformed.
  server: { deps: { external: [/\/dist\/(src|workflows|activities)\//] } },
  // Only a test that hangs takes so long: it is above what its waits come to, so that these say what didn't come.
  testTimeout: 180_000,
  // A hook may be the first to need a Temporal CLI, built from source on a machine that has nothing.
  hookTimeout: 600_000,
  teardownTimeout: 60_000,
  // Tests that run at once wait most of the time: for a broker's patience, a retry, a checkpoint.
  maxConcurrency: 12,
}

export default defineConfig({
  test: {
    reporters: ['default', './test/setup/closing-line.ts'],
    // Each file may hold a worker with its own threads, and waits half of the time: two cores take three.
    maxWorkers: 3,
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        test: { name: 'plain', ...shared, include: ['test/**/*.test.ts'], exclude: withServers },
      },
      {
        test: { name: 'servers', ...shared, include: withServers, globalSetup: './test/setup/servers.ts' },
      },
    ],
  },
})
