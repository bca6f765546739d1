import type { StateTable, TableOptions } from '../state/table.js'
import type { EpochMs } from '../units.js'

/** Since which epoch's start nothing has come. */
interface Quiet {
  readonly since: EpochMs
  /** For so long that the clock holds nobody back. */
  readonly idle: boolean
}

/** It is the same in all versions of a step's state. */
export const plainQuiet: TableOptions<Quiet> = {
  migrate: (old) => old as Quiet,
  // Values of other tasks have come: nobody knows of a silence that was all of theirs.
  moves: { by: 'task', merge: () => undefined },
}

/**
 * Whether a clock is idle, by the time of epochs: nothing is there of the wall clock's between their starts, so a clock counts
 * as quiet from the first start behind its last value on, and becomes idle at a start.
 */
export class Idleness {
  private readonly table: StateTable<Quiet>
  private readonly afterMs: number
  /** It becomes idle when its clock moves next. */
  private turning = false

  constructor(table: StateTable<Quiet>, afterMs: number) {
    this.table = table
    this.afterMs = afterMs
  }

  get idle(): boolean {
    return this.table.get('')?.idle === true
  }

  /** Its clock moves; `woken`: since a value has come. */
  move(woken: boolean): void {
    const quiet = this.table.get('')
    if (woken) this.table.delete('')
    else if (this.turning && quiet !== undefined) this.table.set('', { since: quiet.since, idle: true })
    this.turning = false
  }

  /** An epoch starts. True: its clock is to move, to be idle from then on. */
  start(now: EpochMs): boolean {
    const quiet = this.table.get('')
    if (quiet === undefined) this.table.set('', { since: now, idle: false })
    else if (!quiet.idle) this.turning = now >= quiet.since + this.afterMs
    return this.turning
  }

  /** What was under way failed. */
  forget(): void {
    this.turning = false
  }

  /** It is to be told of the next epoch's start. */
  get unstarted(): boolean {
    return this.table.get('') === undefined
  }

  /** When an epoch has to start for it to become idle; null: it is, or values come. */
  get due(): EpochMs | null {
    const quiet = this.table.get('')
    return quiet === undefined || quiet.idle ? null : quiet.since + this.afterMs
  }
}
