import { z } from 'zod'
import type { Blueprint } from './blueprint.js'
import { durationSchema } from './faults-of.js'

const TIMEOUT_MS = 600_000
const LONGEST_TIMEOUT_MS = 7 * 24 * 3_600_000
const INTERVAL_MS = 5_000
/** Checkpoints that are further apart would be too much to execute again. */
const LONGEST_INTERVAL_MS = 600_000

/** The option `checkpoint`. */
export const checkpointSchema = z.strictObject(
  {
    interval: durationSchema(100, LONGEST_INTERVAL_MS).optional(),
    timeout: durationSchema(100, LONGEST_TIMEOUT_MS).optional(),
    minPause: durationSchema(0, LONGEST_INTERVAL_MS).optional(),
    tolerableFailures: z
      .int('must be a whole number, or null for any number')
      .min(0, 'must be 0 or more, or null for any number')
      .nullable()
      .optional(),
  },
  'must be an object',
)

/** The option with its defaults, for the blueprint. */
export function checkpointsOf(
  options: z.output<typeof checkpointSchema> | undefined,
): Pick<Blueprint, 'checkpointMs' | 'guardRails'> {
  const { interval = INTERVAL_MS, timeout = TIMEOUT_MS, minPause = 0, tolerableFailures = null } = options ?? {}
  return {
    checkpointMs: interval,
    guardRails: Object.freeze({ timeoutMs: timeout, minPauseMs: minPause, tolerableFailures }),
  }
}
