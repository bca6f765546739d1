import { z } from 'zod'

const whole = z.int().nonnegative()

/** A receipt as a ledger gives it back. Loose: it comes back unchanged, also with fields that this version doesn't know. */
export const receiptSchema = z.looseObject({
  version: z.literal(1),
  seq: z.int().positive(),
  owner: z.looseObject({ generation: whole, incarnation: whole, claim: whole, runId: z.string() }),
  epoch: whole.nullable(),
  time: z.number().nullable(),
  positions: z.record(z.string(), z.string()),
  digest: z.string(),
  timersEpoch: whole.nullable(),
  ended: z.literal(true).exactOptional(),
  answers: z.string().exactOptional(),
  fingerprint: z.string(),
  rejections: z.array(z.tuple([z.string(), z.string()])),
})
