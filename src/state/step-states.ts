import { inflateRawSync } from 'node:zlib'
import { reasonOf, TidemarkError } from '../errors/base.js'
import type { Home } from './cell.js'
import { Journal } from './journal.js'
import { codecOf } from './keepable.js'
import { LogSegment } from './log-segment.js'
import { SegmentReader, SegmentWriter } from './segment.js'
import type { Shelf } from './shelf.js'
import { StateTable, type TableOptions } from './table.js'

type Migration = (old: unknown, from: number) => unknown

/** All tables of a task: its state, as checkpoints have it. */
export class StepStates {
  readonly journal = new Journal()
  private readonly tables = new Map<string, StateTable<unknown>>()
  private readonly migrations = new Map<string, Migration>()
  /** By id: what each is called in segments. */
  private readonly names = new Map<string, string>()
  /** Ids of tables with a form that what has none may be of. */
  private readonly lenient = new Set<string>()
  /** Those of them that have entries without, which no later ones have told the form of. */
  private readonly formless = new Set<string>()
  /** Keys of tables that were restored and that no step has, by what these are called. */
  private readonly strange = new Map<string, Set<string>>()
  private readonly current: Record<string, number> = {}

  get isEmpty(): boolean {
    return this.tables.size === 0
  }

  /** Of each step that keeps state. */
  get versions(): Readonly<Record<string, number>> {
    return this.current
  }

  /** `version`: of the step's state. */
  table<V>(step: string, name: string, options?: TableOptions<V>, version = 1): StateTable<V> {
    const id = `${step} ${name}`
    if (this.tables.has(id)) throw new TypeError(`step '${step}' has two tables '${name}'`)
    const { codec, form } = options ?? {}
    const named = codec === undefined ? options : { ...options, codec: codecOf(step, codec) }
    const table = new StateTable<V>(this.journal, named)
    this.tables.set(id, table as StateTable<unknown>)
    this.names.set(id, form === undefined ? id : `${id} ${form}`)
    if (form !== undefined && options?.unlikePlain !== true) this.lenient.add(id)
    this.current[step] = version
    if (options?.migrate !== undefined) this.migrations.set(id, options.migrate)
    return table
  }

  /** Values of all tables that there are lie there as soon as they are restored or stored. */
  useShelf(shelf: Shelf): void {
    for (const table of this.tables.values()) table.shelf = shelf
  }

  /** All tables, by `<step id> <table>`. */
  get all(): ReadonlyMap<string, StateTable<unknown>> {
    return this.tables
  }

  /** What a step keeps, table by table. */
  *tablesOf(step: string): Generator<{ readonly name: string; readonly table: StateTable<unknown> }> {
    for (const [id, table] of this.tables) {
      if (id.startsWith(`${step} `)) yield { name: id.slice(step.length + 1), table }
    }
  }

  /** Entries of all tables. */
  get size(): number {
    let size = 0
    for (const table of this.tables.values()) size += table.size
    return size
  }

  /** Entries that have changed since they were last stored. */
  get changeCount(): number {
    let count = 0
    for (const table of this.tables.values()) count += table.changeCount
    return count
  }

  /** A segment of what has changed since it was last stored; null if nothing has. */
  delta(): Uint8Array | null {
    const writer = new SegmentWriter()
    for (const [id, table] of this.tables) {
      if (table.changeCount === 0) continue
      writer.table(this.nameOf(id), table.changeCount)
      table.changes((key, bytes) => writer.entry(key, bytes))
    }
    return writer.entries === 0 ? null : writer.finish()
  }

  /** A segment of everything. */
  snapshot(): Uint8Array {
    const writer = new SegmentWriter()
    for (const [id, table] of this.tables) {
      if (table.size === 0) continue
      writer.table(this.nameOf(id), table.size)
      table.all((key, bytes) => writer.entry(key, bytes))
    }
    return writer.finish()
  }

  /** Everything is in a segment that a checkpoint will name. */
  settled(): void {
    const home: Home = { live: 0 }
    for (const table of this.tables.values()) table.settled(home)
  }

  /** Up to `most` entries that have changed go into a segment: from then on they count as stored there. */
  take(most: number, writer: SegmentWriter, segment: LogSegment): void {
    let left = most
    for (const [id, table] of this.tables) {
      const count = Math.min(left, table.changeCount)
      if (count === 0) continue
      left -= count
      writer.table(this.nameOf(id), count)
      segment.begin(table)
      table.take(count, segment, (key, bytes) => writer.entry(key, bytes))
    }
    segment.entries = writer.entries
  }

  /** Entries of one segment; segments come in the order in which they were made. */
  restore(segment: Uint8Array): void {
    runOut(this.restoring(inflateRawSync(segment), new LogSegment()))
  }

  /** The same in steps, of a segment that is no longer deflated: which entries it is the newest to have is in `into` then. */
  *restoring(raw: Uint8Array, into: LogSegment): Generator<void> {
    const reader = new SegmentReader(raw)
    let name: string | null = null
    let table: StateTable<unknown> | undefined
    while (reader.next()) {
      if (reader.table !== name) {
        name = reader.table
        table = this.takerOf(name)
        if (table !== undefined) into.begin(table)
      }
      into.entries++
      if (table === undefined) this.pass(reader)
      else if (reader.length < 0) table.restoreGone(reader.key)
      else into.push(table.restore(reader.key, reader.bytes, reader.from, reader.length, into))
      yield
    }
  }

  /** All segments are in: what was written by other versions is migrated. Returns what this plan can't take over, and why. */
  restored(versions: Readonly<Record<string, number>>): readonly string[] {
    return runOut(this.finishing(versions))
  }

  /** The same in steps. `letsGo`: what no step has is left out of all that is stored from now on, and nothing is wrong with it. */
  *finishing(versions: Readonly<Record<string, number>>, letsGo = false): Generator<void, readonly string[]> {
    const wrong = letsGo ? [] : this.unknown(versions)
    for (const [id, table] of this.tables) {
      try {
        yield* this.takingOver(id, table, versions, letsGo)
      } catch (error) {
        if (error instanceof TidemarkError) throw error
        // Whoever mends one table wants to know of all.
        wrong.push(`'${id}': ${reasonOf(error)}`)
      }
    }
    return wrong
  }

  private *takingOver(
    id: string,
    table: StateTable<unknown>,
    versions: Readonly<Record<string, number>>,
    letsGo: boolean,
  ): Generator<void> {
    const step = id.slice(0, id.indexOf(' '))
    const [was, is] = [versions[step], this.current[step]]
    if (was !== undefined && was !== is && table.size > 0) {
      const migrate = this.migrations.get(id)
      if (migrate === undefined) throw new RangeError(`version ${was}, this is ${is}, and migrates nothing`)
      yield* table.migrating((value) => migrate(value, was))
    }
    if (letsGo) yield* table.rewriting()
    yield* table.ordering()
  }

  /** Restored tables that no step has, and then steps that had nothing: one may be the other under a new id. */
  private unknown(versions: Readonly<Record<string, number>>): string[] {
    const left = [...this.strange].flatMap(([name, keys]) => (keys.size > 0 ? [name] : []))
    const gone = left.filter((name) => !this.tables.has(idIn(name)))
    const empty = Object.keys(this.current).filter((step) => versions[step] === undefined)
    return [
      ...left.map((name) =>
        gone.includes(name) ? `'${idIn(name)}': no step of the plan has it` : this.otherwiseKept(name),
      ),
      ...(gone.length > 0 ? empty.map((step) => `'${step}': the checkpoint has nothing for it`) : []),
    ]
  }

  /** What a step has kept in another form, and why it isn't shown. */
  otherForms(step: string): readonly string[] {
    return [...this.strange]
      .filter(([name, keys]) => keys.size > 0 && name.startsWith(`${step} `) && this.tables.has(idIn(name)))
      .map(([name]) => this.otherwiseKept(name))
  }

  private otherwiseKept(name: string): string {
    const id = idIn(name)
    return `'${id}': kept ${formIn(name)}, this is ${formIn(this.nameOf(id))}`
  }

  /** Of entries that are kept under this name; undefined: no step has them, or in another form. */
  private takerOf(name: string): StateTable<unknown> | undefined {
    const id = idIn(name)
    const table = this.tables.get(id)
    if (table === undefined) return undefined
    const isOwn = this.names.get(id) === name
    if (!isOwn && name === id && this.lenient.has(id)) {
      this.formless.add(id)
      return table
    }
    // Settings may have changed since, but not with anything left: what had no form was of this one.
    if (this.formless.delete(id) && !isOwn) this.disown(name, table)
    return isOwn ? table : undefined
  }

  private disown(name: string, table: StateTable<unknown>): void {
    const keys = this.strangeIn(name)
    for (const key of table.rawKeys()) {
      keys.add(key)
      table.restoreGone(key)
    }
  }

  /** An entry that no step takes. */
  private pass({ table, key, length }: SegmentReader): void {
    const keys = this.strangeIn(table)
    if (length < 0) keys.delete(key)
    else keys.add(key)
  }

  private strangeIn(name: string): Set<string> {
    let keys = this.strange.get(name)
    if (keys === undefined) this.strange.set(name, (keys = new Set()))
    return keys
  }

  private nameOf(id: string): string {
    return this.names.get(id) ?? id
  }
}

/** Segments have `<step> <table>`, and behind that the form where there is one: none of them has a space. */
const idIn = (name: string): string => name.split(' ', 2).join(' ')
const formIn = (name: string): string => name.split(' ')[2] ?? 'plain'

/** All steps at once. */
function runOut<R>(steps: Generator<void, R>): R {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
