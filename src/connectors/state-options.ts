import { durationSchema } from '../definition/faults-of.js'
import type { StateContext } from '../definition/state-backend.js'
import { type Duration, parseDuration } from '../units.js'

/** What all state backends may be told. */
export interface RetainOption {
  /**
   * How long a part of the state is kept after the last checkpoint that needs it: so far back can be rewound. Give at least
   * the retention of the Temporal namespace if you want to rewind as far as that keeps history. At least 1 minute, and more
   * than clocks differ by. Default: '7 days'.
   */
  readonly retain?: Duration
}

export const retainSchema = durationSchema(60_000).optional()

export const retainMsOf = ({ retain = '7 days' }: RetainOption): number => parseDuration(retain) ?? 0

/** Names of directories, or parts of a key, from namespace to task: whatever is in the names, without a '/'. */
export function taskPath({ namespace, pipeline, stage, partition }: Omit<StateContext, 'connection' | 'signal'>) {
  const task = `${encodeURIComponent(stage)}-${String(partition).padStart(5, '0')}`
  return [encodeURIComponent(namespace), encodeURIComponent(pipeline), task] as const
}

/** Of a segment; what else lies beside it is none of ours. */
export const isSegmentKey = (name: string): boolean => /^[0-9a-f]{64}$/.test(name)
