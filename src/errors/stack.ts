import { TidemarkError } from './base.js'

/** One way of getting a server that was tried, and why it did not work. */
export interface Attempt {
  readonly what: string
  readonly why: string
}

/** No Temporal or no Kafka could be had for a development stack: not given, not installed, not built, not downloaded. */
export class StackUnavailable extends TidemarkError<{
  readonly server: 'Temporal' | 'Kafka' | 'S3'
  readonly tried: readonly Attempt[]
  readonly install: readonly string[]
}> {
  constructor(
    details: { server: 'Temporal' | 'Kafka' | 'S3'; tried: readonly Attempt[]; install: readonly string[] },
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
