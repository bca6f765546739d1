import type { SinkContext } from '../../definition/sink.js'
import { ForeignReceipt, type SinkAt } from '../../errors/sink.js'

/** Which sink, and what it writes to: what every error of it says. */
export interface Target {
  readonly at: SinkAt
  /** `directory out/x`, `s3://bucket/prefix`. Never a secret. */
  readonly target: string
}

/** What an opening and an inspection are told alike. */
export type Place = Pick<SinkContext, 'pipeline' | 'stage' | 'partition' | 'sinks'>

export function targetOf({ pipeline, stage, partition, sinks }: Place, target: string): Target {
  return { at: { pipeline, stage, partition, sink: sinks.join(',') }, target }
}

export function foreign({ at, target }: Target, found: string): ForeignReceipt {
  return new ForeignReceipt({ ...at, target, found })
}
