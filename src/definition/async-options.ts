import { z } from 'zod'
import type { LaneSettings } from '../steps/step.js'
import type { Fault } from './fault.js'
import { durationSchema, faultsIn } from './faults-of.js'

const MOST_MS = 600_000

const wholeSchema = (most: number): z.ZodType<number> =>
  z.int('must be a whole number').min(1, 'must be at least 1').max(most, `must be at most ${most}`)

const optionsSchema = z.strictObject(
  {
    concurrency: wholeSchema(1_000).default(16),
    timeout: durationSchema(1, MOST_MS).default(30_000),
    retry: z
      .strictObject(
        {
          attempts: wholeSchema(100),
          initialInterval: durationSchema(1, MOST_MS).default(100),
          maximumInterval: durationSchema(1, MOST_MS).default(5_000),
        },
        'must be an object',
      )
      .default({ attempts: 1, initialInterval: 100, maximumInterval: 5_000 }),
  },
  'must be an object of options',
)

const defaults = optionsSchema.parse({})

/** The options of an `asyncMap` with their defaults, and what is wrong with them under `path`. */
export function laneSettingsOf(options: unknown, path: string): [LaneSettings, readonly Fault[]] {
  const parsed = optionsSchema.safeParse(options, { reportInput: true })
  const { concurrency, timeout, retry } = parsed.success ? parsed.data : defaults
  const { attempts, initialInterval, maximumInterval } = retry
  const settings = { concurrency, timeoutMs: timeout, attempts, initialMs: initialInterval, maximumMs: maximumInterval }
  return [settings, parsed.success ? [] : faultsIn(parsed.error, path)]
}
