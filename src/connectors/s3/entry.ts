import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { linkFields, parseLink, whole, type Link, type Parsed } from '../ledger-chain/link.js'
import { pathFault } from '../lines/line.js'

/** An object that an entry commits. */
export interface EntryObject {
  /** Relative to the sink's prefix. */
  readonly key: string
  readonly bytes: number
  /** Of its bytes, as zlib computes it. */
  readonly crc32: number
  readonly records: number
}

/** One entry: the commit itself. What it doesn't name was never committed. */
export interface Entry extends Link {
  readonly objects: readonly EntryObject[]
}

const schema: z.ZodType<Entry> = z.object({
  ...linkFields,
  objects: z.array(
    z.object({
      key: z.string().refine((key) => key !== '' && pathFault(key) === null, 'not a key below the prefix'),
      bytes: whole,
      crc32: whole,
      records: whole,
    }),
  ),
})

/** Reads an entry back, or says what is wrong with it. */
export const parseEntry = (text: string): Parsed<Entry> => parseLink(schema, text)

/** Sixteen hex digits: two attempts at one seq of one ledger are few, and never have the same. */
export const newNonce = (): string => randomBytes(8).toString('hex')
