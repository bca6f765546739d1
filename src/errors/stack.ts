import { TidemarkError } from './base.js'

/** One way of getting a server that was tried, and why it did not work. */
export interface Attempt {
  readonly what: string
  readonly why: string
}

export type StackServer = 'Temporal' | 'Kafka' | 'Postgres' | 'S3'

/** A server of the development stack could not be had: not given, not installed, not built, not downloaded. */
export class StackUnavailable extends TidemarkError<{
  readonly server: StackServer
  readonly tried: readonly Attempt[]
  readonly install: readonly string[]
}> {
  constructor(
    details: { server: StackServer; tried: readonly Attempt[]; install: readonly string[] },
    cause?: unknown,
  ) {
    const tried = details.tried.map(({ what, why }) => `  - ${what}: ${why}`)
    const install = details.install.map((line) => `  - ${line}`)
    super(
      'StackUnavailable',
      [`no ${details.server} server could be had. Tried:`, ...tried, 'Do one of these:', ...install].join('\n'),
      details,
      cause,
    )
  }
}
