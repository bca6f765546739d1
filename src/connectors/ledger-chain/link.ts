import { z } from 'zod'
import { receiptSchema } from '../../definition/receipt-schema.js'
import type { Receipt } from '../../definition/sink.js'

/**
 * What each entry of a chain holds, wherever the chain lies. Whoever creates the entry of a seq, exclusively, has committed
 * (PROTOCOL §5); nothing in it changes after that. It is in users' data: see CONTRIBUTING, compatibility.
 */
export interface Link {
  readonly version: 1
  /** The ledger key: tells two pipelines in one place apart. */
  readonly ledger: string
  readonly seq: number
  /** Of this very attempt: tells an entry from another one of the same seq. */
  readonly nonce: string
  /** Nonce of the entry before; null in the first. */
  readonly predecessor: string | null
  readonly receipt: Receipt
}

export const whole = z.int().nonnegative()

/** The fields of every link, for the schema of an entry. */
export const linkFields = {
  version: z.literal(1),
  ledger: z.string(),
  seq: z.int().positive(),
  nonce: z.string().min(1),
  predecessor: z.string().min(1).nullable(),
  receipt: receiptSchema,
}

export type Parsed<E> = { readonly entry: E } | { readonly fault: string }

/** Reads an entry back, or says what is wrong with it. */
export function parseLink<E extends Link>(schema: z.ZodType<E>, text: string): Parsed<E> {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return { fault: 'no JSON' }
  }
  const parsed = schema.safeParse(data)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { fault: issue === undefined ? 'no entry' : `${issue.path.join('.') || 'entry'}: ${issue.message}` }
  }
  const entry = parsed.data
  if (entry.receipt.seq !== entry.seq) return { fault: 'entry: its receipt is of another commit' }
  if ((entry.predecessor === null) !== (entry.seq === 1)) return { fault: 'entry: its predecessor does not fit' }
  return { entry }
}

/** Why an entry that was read where `seq` of the ledger `key` has to be isn't that, as a phrase; null if it is. */
export function misplaced(link: Link, key: string, seq: number, name: string): string | null {
  if (link.ledger !== key) return `the ledger of another pipeline or sink, ${link.ledger}`
  return link.seq === seq ? null : `entry ${link.seq} under the name of ${name}`
}
