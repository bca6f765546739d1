import type { StateMark } from '../../../src/protocol/checkpoint.js'
import { BackendState, type BackendStateOptions } from '../../../src/state/backend-state.js'
import { restoreLog } from '../../../src/state/restore.js'
import type { SegmentLog } from '../../../src/state/segment-log.js'
import { StepStates } from '../../../src/state/step-states.js'
import type { StateTable, TableOptions } from '../../../src/state/table.js'
import type { MemoryStore } from './memory-store.js'

export const TASK = { pipeline: 'flights', stage: 'main', partition: 0 }
export const never: AbortSignal = new AbortController().signal

let sessions = 0

interface TableParts {
  readonly table?: TableOptions<unknown>
  readonly version?: number
}

/** A session of a task whose only table is `table`, with what history knows of it. */
export class StoredTask {
  readonly states: StepStates
  readonly table: StateTable<unknown>
  readonly keeper: BackendState
  readonly log: SegmentLog
  readonly warnings: string[] = []
  mark: StateMark

  private constructor(
    store: MemoryStore,
    mark: StateMark,
    log: SegmentLog,
    states: StepStates,
    table: StateTable<unknown>,
    more: Partial<BackendStateOptions>,
  ) {
    this.states = states
    this.table = table
    this.mark = mark
    this.log = log
    this.keeper = new BackendState({
      states,
      log,
      store,
      task: TASK,
      describe: 'a map',
      tag: `session ${++sessions}`,
      retainMs: 1_000,
      time: () => 0,
      warn: (message) => this.warnings.push(message),
      ...more,
    })
  }

  static async open(
    store: MemoryStore,
    mark: StateMark = { segments: [], versions: {} },
    { table: options, version, ...more }: Partial<BackendStateOptions> & TableParts = {},
  ): Promise<StoredTask> {
    const states = new StepStates()
    const table = states.table<unknown>('count', 'entries', options, version)
    if (more.shelf) states.useShelf(more.shelf)
    const log = await restoreLog(states, mark.segments, (key) => store.get(key), never)
    const wrong = states.restored(mark.versions)
    if (wrong.length > 0) throw new Error(wrong.join('\n'))
    return new StoredTask(store, mark, log, states, table, more)
  }

  /** A checkpoint is recorded. */
  async checkpoint(): Promise<StateMark> {
    const change = await this.keeper.capture(never)
    if (change !== undefined) {
      const segments = [...this.mark.segments.slice(change.drop), ...change.add]
      this.mark = { segments, versions: change.versions }
    }
    return this.mark
  }

  get entries(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.table.keys().map((key) => [key, this.table.get(key)]))
  }
}

export async function entriesAt(store: MemoryStore, mark: StateMark): Promise<Readonly<Record<string, unknown>>> {
  return (await StoredTask.open(store, mark)).entries
}
