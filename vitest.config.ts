import { defineConfig } from 'vitest/config'

/** Directories whose tests get the shared Temporal and Kafka; the others start in no time. */
const withServers = [
  'test/guarantees/**/*.test.ts',
  'test/connectors/**/*.test.ts',
  'test/unit/connectors/**/*.test.ts',
]

const timeouts = {
  testTimeout: 60_000,
  // A hook may be the first to need a Temporal CLI, built from source on a machine that has nothing.
  hookTimeout: 600_000,
  teardownTimeout: 60_000,
}

export default defineConfig({
  test: {
    reporters: ['default', './test/setup/closing-line.ts'],
    // Each file may hold a worker with its own threads; two cores take two.
    maxWorkers: 2,
    projects: [
      {
        test: { name: 'plain', ...timeouts, include: ['test/**/*.test.ts'], exclude: withServers },
      },
      {
        test: { name: 'servers', ...timeouts, include: withServers, globalSetup: './test/setup/servers.ts' },
      },
    ],
  },
})
