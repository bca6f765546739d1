import { Journal } from './journal.js'
import { readSegment, SegmentWriter } from './segment.js'
import { StateTable, type TableOptions } from './table.js'

/** All tables of a task: its state, as checkpoints have it. */
export class StepStates {
  readonly journal = new Journal()
  private readonly tables = new Map<string, StateTable<unknown>>()

  get isEmpty(): boolean {
    return this.tables.size === 0
  }

  table<V>(step: string, name: string, options?: TableOptions<V>): StateTable<V> {
    const id = `${step} ${name}`
    if (this.tables.has(id)) throw new TypeError(`step '${step}' has two tables '${name}'`)
    const table = new StateTable<V>(this.journal, options)
    this.tables.set(id, table as StateTable<unknown>)
    return table
  }

  /** Entries that have changed since the last `settled`. */
  get changeCount(): number {
    let count = 0
    for (const table of this.tables.values()) count += table.changeCount
    return count
  }

  /** A segment of what has changed since the last `settled`; null if nothing has. */
  delta(): Uint8Array | null {
    const writer = new SegmentWriter()
    for (const [id, table] of this.tables) {
      if (table.changeCount === 0) continue
      writer.table(id, table.changeCount)
      table.changes((key, bytes) => writer.entry(key, bytes))
    }
    return writer.entries === 0 ? null : writer.finish()
  }

  /** A segment of everything. */
  snapshot(): Uint8Array {
    const writer = new SegmentWriter()
    for (const [id, table] of this.tables) {
      if (table.size === 0) continue
      writer.table(id, table.size)
      table.all((key, bytes) => writer.entry(key, bytes))
    }
    return writer.finish()
  }

  /** Everything is in a segment that a checkpoint will name. */
  settled(): void {
    for (const table of this.tables.values()) table.settled()
  }

  /** Segments in the order in which they were made. Returns names of tables that no step has. */
  restore(segments: Iterable<Uint8Array>): readonly string[] {
    const unknown = new Set<string>()
    for (const segment of segments) {
      readSegment(segment, ({ table, key, bytes }) => {
        const known = this.tables.get(table)
        if (known === undefined) unknown.add(table)
        else known.restore(key, bytes)
      })
    }
    for (const table of this.tables.values()) table.restored()
    return [...unknown]
  }
}
