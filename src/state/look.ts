import type { StateEntry } from '../protocol/look.js'
import type { StepStates } from './step-states.js'
import type { StateTable } from './table.js'
import { textKey } from './text-key.js'

export interface Wanted {
  readonly step: string
  /** Of this key only: its text. */
  readonly key?: string
  /** At most so many entries. */
  readonly limit: number
}

/** What a step keeps, as people are shown it: of a running task, and at a checkpoint. */
export interface Seen {
  /** Entries that match, those beyond the limit too. */
  readonly count: number
  /** Decoded one by one, as they are asked for. */
  readonly entries: Iterable<StateEntry>
}

/** Looks, and changes nothing: values that lie encoded stay so. Entries are in the order of their tables and keys. */
export function lookAt(states: StepStates, { step, key, limit }: Wanted): Seen {
  const tables = [...states.tablesOf(step)]
  if (key === undefined) {
    const count = tables.reduce((sum, { table }) => sum + table.size, 0)
    return { count, entries: firstOf(tables, limit) }
  }
  const mayBe = holding(key)
  const found = tables.flatMap(({ name, table }) =>
    [...table.rawKeys()]
      .filter(mayBe)
      .toSorted()
      .map((raw) => entryOf(name, table, raw)),
  )
  const entries = found.filter((entry) => entry.key.includes(key))
  return { count: entries.length, entries: entries.slice(0, limit) }
}

type Named = { readonly name: string; readonly table: StateTable<unknown> }

function* firstOf(tables: readonly Named[], limit: number): Generator<StateEntry> {
  let left = limit
  for (const { name, table } of tables) {
    if (left === 0) return
    for (const raw of least(table.rawKeys(), left)) {
      left--
      yield entryOf(name, table, raw)
    }
  }
}

/** The first `count` in their order, without sorting all: there may be millions. */
function least(keys: Iterable<string>, count: number): readonly string[] {
  let kept: string[] = []
  let last: string | undefined
  for (const key of keys) {
    if (last !== undefined && key > last) continue
    kept.push(key)
    if (kept.length < 2 * count) continue
    kept = kept.toSorted().slice(0, count)
    last = kept.at(-1)
  }
  return kept.toSorted().slice(0, count)
}

function entryOf(name: string, table: StateTable<unknown>, raw: string): StateEntry {
  return { table: name, key: table.parts(raw).map(textOf), value: table.peek(raw) }
}

/** Whether a table's key can be, or have in it, what is shown as `key`: few are looked at more closely. */
function holding(key: string): (raw: string) => boolean {
  const asText = Buffer.from(key).toString('latin1')
  const asHex = /^(?:[0-9a-f]{2})+$/.test(key) ? Buffer.from(key, 'hex').toString('latin1') : asText
  // Where a key is one of a pair, a zero in it is followed by a one.
  const forms = [...new Set([key, textKey(key), asText, asHex, asHex.replaceAll('\0', '\0\u0001')])]
  return (raw) => forms.some((form) => raw.includes(form))
}

/** Keys of records have a byte per character; names that users give are texts. */
function textOf(key: string): string {
  const bytes = Buffer.from(key, 'latin1')
  if (bytes.toString('latin1') !== key) return key
  const text = bytes.toString()
  const isText = Buffer.from(text).equals(bytes) && ![...bytes].some((byte) => byte < 32)
  return isText ? text : bytes.toString('hex')
}
