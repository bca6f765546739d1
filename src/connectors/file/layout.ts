import { join } from 'node:path'

/** Where everything of this library that isn't output lives, under the sink's directory. */
export const HIDDEN = '.tidemark'

const ENTRY = /^(\d{12})\.json$/
const PENDING = /^(\d{12})-[\w.-]+$/

/** Names and places of one ledger and of what it commits. */
export interface Layout {
  /** The sink's directory, absolute. */
  readonly directory: string
  readonly hidden: string
  /** Holds the id of the directory. */
  readonly idFile: string
  /** Of this ledger alone. */
  readonly own: string
  readonly entries: string
  readonly pending: string
  /** `main-00003`: begins every name of this ledger. */
  readonly prefix: string
  readonly extension: string
}

export function layoutOf(directory: string, stage: string, partition: number, extension: string): Layout {
  const prefix = `${encodeURIComponent(stage)}-${digits(partition, 5)}`
  const hidden = join(directory, HIDDEN)
  return {
    directory,
    idFile: join(hidden, 'directory.json'),
    hidden,
    own: join(hidden, prefix),
    entries: join(hidden, prefix, 'entries'),
    pending: join(hidden, prefix, 'pending'),
    prefix,
    extension,
  }
}

export const entryName = (seq: number): string => `${digits(seq, 12)}.json`

/** The commit sequence that a file name of the entries directory stands for; null if it is none. */
export function entrySeq(name: string): number | null {
  const [, seq] = ENTRY.exec(name) ?? []
  return seq === undefined ? null : Number(seq)
}

/** Uncommitted files bear the number of the fence entry under which they were begun: older owners' have lower ones. */
export const pendingName = (fence: number, nonce: string, suffix: string): string =>
  `${digits(fence, 12)}-${nonce}.${suffix}`

export function pendingFence(name: string): number | null {
  const [, fence] = PENDING.exec(name) ?? []
  return fence === undefined ? null : Number(fence)
}

/** `country=DE/main-00003-g0001-000000000042.jsonl`: sorts in commit order, and never comes twice. */
export function finalName(layout: Layout, path: string, generation: number, seq: number): string {
  const name = `${layout.prefix}-g${digits(generation, 4)}-${digits(seq, 12)}.${layout.extension}`
  return path === '' ? name : `${path}/${name}`
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0')
