import type { Segment } from '../protocol/checkpoint.js'
import type { Cell, Home } from './cell.js'
import type { StateTable } from './table.js'

interface Part {
  readonly table: StateTable<unknown>
  readonly cells: Cell<unknown>[]
}

/** A segment of the log, and which entries of the tables it had the newest version of when it was made. */
export class LogSegment implements Home {
  /** Entries whose newest stored version it still has. */
  live = 0
  /** All entries in it, those included that say that something is gone. */
  entries = 0
  /** As it is stored. */
  bytes = 0
  /** Before compression. */
  rawBytes = 0
  /** Null before it is stored. */
  mark: Segment | null = null
  private readonly parts: Part[] = []
  /** Cells of the first part that have been gone through. */
  private passed = 0

  /** What is pushed from now on belongs to that table. */
  begin(table: StateTable<unknown>): void {
    if (this.parts.at(-1)?.table !== table) this.parts.push({ table, cells: [] })
  }

  push(cell: Cell<unknown>): void {
    this.parts.at(-1)?.cells.push(cell)
  }

  /** Marks up to `most` of its live entries as changed, and says how many; fewer: none is left. */
  vacate(most: number): number {
    let marked = 0
    for (let part = this.parts[0]; part !== undefined && marked < most; part = this.parts[0]) {
      const cell = part.cells[this.passed++]
      if (cell === undefined) {
        this.parts.shift()
        this.passed = 0
      } else if (cell.home === this) {
        part.table.touch(cell)
        marked++
      }
    }
    return marked
  }

  /** Stored bytes of what is live in it, about. */
  get liveBytes(): number {
    return this.entries === 0 ? 0 : (this.bytes * this.live) / this.entries
  }
}
