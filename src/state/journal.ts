/** What can put an entry back as it was. */
export interface Undoable {
  undo(key: string, before: unknown): void
}

/**
 * What the record under way has changed, to be taken back if it turns out bad. Three arrays side by side: nothing is
 * allocated per change.
 */
export class Journal {
  private readonly tables: Undoable[] = []
  private readonly keys: string[] = []
  private readonly befores: unknown[] = []

  /** `key` of `table` was `before`; undefined: there was none. */
  note(table: Undoable, key: string, before: unknown): void {
    this.tables.push(table)
    this.keys.push(key)
    this.befores.push(before)
  }

  /** What was noted is final. */
  forget(): void {
    if (this.tables.length === 0) return
    this.tables.length = 0
    this.keys.length = 0
    this.befores.length = 0
  }

  /** Takes everything back that was noted, the newest first. */
  rollback(): void {
    for (let i = this.tables.length - 1; i >= 0; i--) this.tables[i]?.undo(this.keys[i] ?? '', this.befores[i])
    this.forget()
  }
}
