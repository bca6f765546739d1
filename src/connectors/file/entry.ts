import { z } from 'zod'
import { receiptSchema } from '../../definition/receipt-schema.js'
import type { Receipt } from '../../definition/sink.js'
import { pathFault } from './line.js'
import { pendingFence } from './layout.js'

/** A file that an entry commits: what it is called before and after. */
export interface CommittedFile {
  /** Its name among the pending files. */
  readonly pending: string
  /** Its final name, relative to the sink's directory, with '/'. */
  readonly file: string
  readonly bytes: number
  /** Of its bytes, as zlib computes it. */
  readonly crc32: number
  readonly records: number
}

/**
 * One link of the chain: the commit itself. Whoever creates the file of this seq has committed; nothing in it changes
 * after that.
 */
export interface Entry {
  readonly version: 1
  /** The ledger key: tells two pipelines in one directory apart. */
  readonly ledger: string
  readonly seq: number
  /** Of this very attempt: tells an entry from another one of the same seq. */
  readonly nonce: string
  /** Nonce of the entry before; null in the first. */
  readonly predecessor: string | null
  readonly receipt: Receipt
  /** What this entry commits. */
  readonly files: readonly CommittedFile[]
  /** In a fence entry: what the newest data entry before it committed, for whoever opens next to finish. */
  readonly inherited: readonly CommittedFile[]
}

const whole = z.int().nonnegative()

const committedFile = z.object({
  pending: z.string().refine((name) => pendingFence(name) !== null, 'not a pending name'),
  // An entry names what will be renamed to where: it must not reach outside the directory.
  file: z.string().refine((file) => file !== '' && pathFault(file) === null, 'not a path below the directory'),
  bytes: whole,
  crc32: whole,
  records: whole,
})

const entry = z
  .object({
    version: z.literal(1),
    ledger: z.string(),
    seq: z.int().positive(),
    nonce: z.string().min(1),
    predecessor: z.string().min(1).nullable(),
    receipt: receiptSchema,
    files: z.array(committedFile),
    inherited: z.array(committedFile),
  })
  .refine((found) => found.receipt.seq === found.seq, 'its receipt is of another commit')
  .refine((found) => (found.predecessor === null) === (found.seq === 1), 'its predecessor does not fit')

export type ParsedEntry = { readonly entry: Entry } | { readonly fault: string }

/** Reads an entry back, or says what is wrong with it. */
export function parseEntry(text: string): ParsedEntry {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return { fault: 'no JSON' }
  }
  const parsed = entry.safeParse(data)
  if (parsed.success) return { entry: parsed.data }
  const [issue] = parsed.error.issues
  return { fault: issue === undefined ? 'no entry' : `${issue.path.join('.') || 'entry'}: ${issue.message}` }
}

/** What is still to be renamed as of this entry, if its owner did not come to it. */
export const unfinished = (found: Entry): readonly CommittedFile[] =>
  found.files.length > 0 ? found.files : found.inherited
