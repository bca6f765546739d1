import { z } from 'zod'

const offsets = z
  .record(
    z.string().regex(/^\d{1,10}$/),
    z.string('must be a decimal string').regex(/^\d{1,19}$/, 'must be a decimal string'),
  )
  .refine((given) => Object.keys(given).length > 0, 'must name at least one partition')

/** Where a start begins, as callers write it; they differ in what a time is: `time`, in words `timeIs`. */
export function startAtSchema<T>(time: z.ZodType<T>, timeIs: string) {
  return z.union(
    [z.enum(['earliest', 'latest']), z.strictObject({ timestamp: time }), z.strictObject({ offsets })],
    `must be 'earliest', 'latest', { timestamp: ${timeIs} } or { offsets: { partition number: 'decimal offset' } }`,
  )
}
