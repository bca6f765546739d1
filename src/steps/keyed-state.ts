import type { StateCodec, StateTable } from '../state/table.js'
import { valueCodec } from '../state/value-codec.js'
import type { EpochMs } from '../units.js'
import type { StepRuntime } from './step.js'

/** How a step keeps its state: checked, durations in ms. */
export interface StateSettings {
  readonly version: number
  /** Null: for ever. */
  readonly ttlMs: number | null
  readonly migrate?: (old: unknown, from: number) => unknown
  readonly codec?: StateCodec<unknown>
}

export const plainState: StateSettings = { version: 1, ttlMs: null }

/** One value per key, which may go away by itself. */
export interface KeyedState {
  get(key: string, now: EpochMs): unknown
  set(key: string, value: unknown, now: EpochMs): void
  delete(key: string): void
}

/** The state `name` of a step. With a `ttl`, a key that was not written for so long, by the time of epochs, has none. */
export function keyedState(runtime: StepRuntime, name: string, settings: StateSettings): KeyedState {
  const { ttlMs, codec = valueCodec } = settings
  const migrate = migrationOf(settings)
  if (ttlMs === null) return runtime.table<unknown>(name, { codec, ...(migrate !== undefined && { migrate }) })
  const aging = (old: unknown, from: number): Aging => ({
    ...(old as Aging),
    value: migrate?.((old as Aging).value, from),
  })
  const table = runtime.table<Aging>(name, {
    codec: agingCodec(codec),
    form: 'ttl',
    unlikePlain: true,
    due: ({ at }) => at + ttlMs,
    ...(migrate !== undefined && { migrate: aging }),
  })
  const state = new AgingState(table, ttlMs)
  // Nobody has to be woken up for it: what is too old reads as absent all the same.
  runtime.onEpochStart(
    ({ now }) => state.sweep(now),
    () => table.nextDue,
    false,
  )
  return state
}

/** Undefined is what a table has for nothing. */
function migrationOf({ migrate }: StateSettings): StateSettings['migrate'] {
  return (
    migrate &&
    ((old, from) => {
      const now = migrate(old, from)
      if (now === undefined)
        throw new TypeError(`migrate must return a state, and returned undefined for version ${from}`)
      return now
    })
  )
}

/** A value with the time at which it was written. */
interface Aging {
  readonly at: EpochMs
  readonly value: unknown
}

class AgingState implements KeyedState {
  private readonly table: StateTable<Aging>
  private readonly ttlMs: number

  constructor(table: StateTable<Aging>, ttlMs: number) {
    this.table = table
    this.ttlMs = ttlMs
  }

  get(key: string, now: EpochMs): unknown {
    const found = this.table.get(key)
    return found === undefined || found.at + this.ttlMs <= now ? undefined : found.value
  }

  set(key: string, value: unknown, at: EpochMs): void {
    this.table.set(key, { at, value })
  }

  delete(key: string): void {
    this.table.delete(key)
  }

  sweep(now: EpochMs): void {
    for (let old = this.table.firstDueBy(now); old !== undefined; old = this.table.firstDueBy(now)) {
      this.table.delete(old.key)
    }
  }
}

/** The time, 8 bytes, before the value. */
function agingCodec(codec: StateCodec<unknown>): StateCodec<Aging> {
  return {
    encode: ({ at, value }) => {
      const time = Buffer.alloc(8)
      time.writeDoubleBE(at)
      return Buffer.concat([time, codec.encode(value)])
    },
    decode: (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      return { at: view.getFloat64(0), value: codec.decode(bytes.subarray(8)) }
    },
  }
}
