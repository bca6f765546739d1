import type { StateCodec, StateTable } from '../../state/table.js'
import { valueCodec } from '../../state/value-codec.js'
import type { EpochMs } from '../../units.js'
import type { StepRuntime } from '../step.js'
import { keyIn, partsIn, timedKey } from '../timed-key.js'

/** A value that waits for others: its time, whether it has met one, and itself. */
type Waiting = readonly [time: EpochMs, met: 0 | 1, value: unknown]

/** So many parts of the time over which values meet have an entry each: a change writes one of them again. */
const PARTS = 4

/** Values of one side of a join: an entry per key and part of time, `<start> <key>`, each in the order of time, then of arrival. */
export class JoinSide {
  private readonly table: StateTable<readonly Waiting[]>
  private readonly size: number
  /** A value can meet nothing more when the watermark has passed its time by so much. */
  private readonly keptMs: number

  /** `form`: what of the join's settings decides where values lie, and which of them count as alone. */
  constructor(
    runtime: StepRuntime,
    name: 'left' | 'right',
    settings: { readonly span: number; readonly keptMs: number; readonly form: string },
  ) {
    const { span, keptMs, form } = settings
    this.size = Math.max(1, Math.ceil((span + 1) / PARTS))
    this.keptMs = keptMs
    this.table = runtime.table<readonly Waiting[]>(name, {
      codec: valueCodec as StateCodec<readonly Waiting[]>,
      form,
      due: ([first]) => (first === undefined ? null : first[0] + keptMs),
      moves: { by: 'key', of: keyIn },
      parts: partsIn,
    })
  }

  add(key: string, time: EpochMs, value: unknown, met: boolean): void {
    const entry = this.entryOf(Math.floor(time / this.size), key)
    const known = this.table.get(entry) ?? []
    let at = known.length
    while (at > 0 && (known[at - 1]?.[0] ?? time) > time) at--
    this.table.set(entry, known.toSpliced(at, 0, [time, met ? 1 : 0, value]))
  }

  /** Calls `meet` for each value of `key` from one time to another, both included, in their order. `mark`: that it has met one. */
  meet(key: string, from: EpochMs, to: EpochMs, mark: boolean, meet: (value: unknown, time: EpochMs) => void): void {
    for (let part = Math.floor(from / this.size); part * this.size <= to; part++) {
      const entry = this.entryOf(part, key)
      const known = this.table.get(entry)
      if (known === undefined) continue
      let marked: Waiting[] | undefined
      for (const [index, [time, met, value]] of known.entries()) {
        if (time < from) continue
        if (time > to) break
        meet(value, time)
        if (mark && met === 0) (marked ??= [...known])[index] = [time, 1, value]
      }
      if (marked !== undefined) this.table.set(entry, marked)
    }
  }

  /** When the first value is due; undefined: none is by then. */
  dueBy(watermark: EpochMs): EpochMs | undefined {
    return this.table.firstDueBy(watermark)?.at
  }

  /** Takes out what is due by `watermark`. */
  drop(watermark: EpochMs): void {
    const { table, keptMs } = this
    for (let due = table.firstDueBy(watermark); due !== undefined; due = table.firstDueBy(watermark)) {
      this.keep(
        due.key,
        due.value.filter(([time]) => time + keptMs > watermark),
      )
    }
  }

  /** Takes out what is due at that very time, and calls `alone` for each value that has met none, in the order of keys. */
  close(at: EpochMs, alone: (key: string, time: EpochMs, value: unknown) => void): void {
    const { table, keptMs } = this
    for (let due = table.firstDueBy(at); due !== undefined; due = table.firstDueBy(at)) {
      const { key, value: known } = due
      const end = known.findIndex(([time]) => time + keptMs > at)
      this.keep(key, end === -1 ? [] : known.slice(end))
      for (const [time, met, value] of end === -1 ? known : known.slice(0, end)) {
        if (met === 0) alone(keyIn(key), time, value)
      }
    }
  }

  private keep(entry: string, left: readonly Waiting[]): void {
    if (left.length === 0) this.table.delete(entry)
    else this.table.set(entry, left)
  }

  private entryOf(part: number, key: string): string {
    return timedKey(part * this.size, key)
  }
}
