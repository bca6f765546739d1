import { inject } from 'vitest'

/** `host:port` of the Temporal server of this test run. */
export function temporalAddress(): string {
  return provided('temporalAddress')
}

/** `host:port` of the Kafka brokers of this test run. */
export function brokers(): string[] {
  return provided('brokers')
}

/** URL of the Postgres server of this test run, with user and password of a superuser. */
export function postgresUrl(): string {
  return provided('postgresUrl')
}

function provided<K extends 'temporalAddress' | 'brokers' | 'postgresUrl'>(key: K): ReturnType<typeof inject<K>> {
  const value = inject(key)
  if (value === undefined) {
    throw new Error(`no servers are started for this directory of tests: see "withServers" in vitest.config.ts`)
  }
  return value
}
