/** Where everything of this library that isn't output lives, under the sink's prefix. */
const HIDDEN = '.tidemark/'

const ENTRY = /^(\d{12})-(\d{12})\.json$/
const OBJECT = /^(.+-\d{5})-g\d{4,}-(\d{12})-\d{4,}-([0-9a-f]{16})\.[^/]+$/
const LEDGER = /^(.+)-(\d{5})$/

/** Sequences and what they are counted down from: twelve digits. */
const HIGHEST = 999_999_999_999

/** Keys of what is below one prefix. */
export interface Layout {
  /** '' or with a '/' at its end. */
  readonly root: string
  readonly hidden: string
  /** Holds the id of the place. */
  readonly placeKey: string
}

export function layoutOf(prefix: string): Layout {
  const root = prefix === '' ? '' : `${prefix}/`
  return { root, hidden: `${root}${HIDDEN}`, placeKey: `${root}${HIDDEN}place.json` }
}

/** `main-00003`: names a ledger below its prefix, and begins the names of its objects. */
export const ledgerName = (stage: string, partition: number): string =>
  `${encodeURIComponent(stage)}-${digits(partition, 5)}`

export const entriesKey = ({ hidden }: Layout, ledger: string): string => `${hidden}${ledger}/entries/`

/** Names count down before they count up, so that a listing begins with the newest. */
export const entryKey = (layout: Layout, ledger: string, seq: number): string =>
  `${entriesKey(layout, ledger)}${digits(HIGHEST - seq, 12)}-${digits(seq, 12)}.json`

/** The commit sequence that an entry's key stands for; null if it is none. */
export function entrySeq(key: string): number | null {
  const [, down, seq] = ENTRY.exec(key.slice(key.lastIndexOf('/') + 1)) ?? []
  return seq === undefined || Number(down) !== HIGHEST - Number(seq) ? null : Number(seq)
}

/** `main-00003-g0001-000000000042-0001-1f8a…`: with the nonce of the entry that may come to name it, and the place in it. */
export const objectName = (
  ledger: string,
  of: { generation: number; seq: number },
  nonce: string,
  nth: number,
): string => `${objectStem(ledger, of.generation, of.seq)}${digits(nth, 4)}-${nonce}`

/** How all names of one attempt's seq begin. */
export const objectStem = (ledger: string, generation: number, seq: number): string =>
  `${ledger}-g${digits(generation, 4)}-${digits(seq, 12)}-`

/** What an object's key says of it; null where it is no output of ours. */
export function objectOrigin(key: string): { ledger: string; seq: number; nonce: string } | null {
  const [, ledger, seq, nonce] = OBJECT.exec(key.slice(key.lastIndexOf('/') + 1)) ?? []
  return ledger === undefined || nonce === undefined ? null : { ledger, seq: Number(seq), nonce }
}

/** Stage and partition of a ledger's name; null if it is none. */
export function ledgerOrigin(ledger: string): { stage: string; partition: number } | null {
  const [, stage, partition] = LEDGER.exec(ledger) ?? []
  return stage === undefined ? null : { stage: decodeURIComponent(stage), partition: Number(partition) }
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0')
