import { z } from 'zod'
import { linkFields, parseLink, whole, type Link, type Parsed } from '../ledger-chain/link.js'
import { pathFault } from '../lines/line.js'
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

/** One entry: the commit itself. */
export interface Entry extends Link {
  /** What this entry commits. */
  readonly files: readonly CommittedFile[]
  /** In a fence entry: what the newest data entry before it committed, for whoever opens next to finish. */
  readonly inherited: readonly CommittedFile[]
}

const committedFile = z.object({
  pending: z.string().refine((name) => pendingFence(name) !== null, 'not a pending name'),
  // An entry names what will be renamed to where: it must not reach outside the directory.
  file: z.string().refine((file) => file !== '' && pathFault(file) === null, 'not a path below the directory'),
  bytes: whole,
  crc32: whole,
  records: whole,
})

const schema: z.ZodType<Entry> = z.object({
  ...linkFields,
  files: z.array(committedFile),
  inherited: z.array(committedFile),
})

/** Reads an entry back, or says what is wrong with it. */
export const parseEntry = (text: string): Parsed<Entry> => parseLink(schema, text)

/** What is still to be renamed as of this entry, if its owner did not come to it. */
export const unfinished = (found: Entry): readonly CommittedFile[] =>
  found.files.length > 0 ? found.files : found.inherited
