import type { StepContext } from '../../definition/context.js'
import { valueCodec } from '../../state/value-codec.js'
import type { StateCodec, StateTable } from '../../state/table.js'
import type { EpochMs } from '../../units.js'
import type { StepFlow } from '../step.js'
import { keyIn, partsIn, timedKey } from '../timed-key.js'
import type { WindowParts, Windows, WindowShape } from './window.js'

interface OpenWindow {
  readonly start: EpochMs
  readonly acc: unknown
}

/** Tumbling and hopping windows: an entry per key and window, `<start> <key>`, so that windows with one end close by key. */
export class FixedWindows implements Windows {
  private readonly size: number
  private readonly every: number
  private readonly offset: number
  private readonly parts: WindowParts
  private readonly table: StateTable<OpenWindow>
  /** A window is closed when the watermark has reached its start and so much more. */
  private readonly closesAfter: number

  constructor(shape: WindowShape & { readonly kind: 'fixed' }, parts: WindowParts) {
    const { migrate, runtime, graceMs } = parts
    this.size = shape.size
    this.every = shape.every
    this.offset = shape.offset
    this.parts = parts
    const closesAfter = shape.size - 1 + graceMs
    this.closesAfter = closesAfter
    this.table = runtime.table<OpenWindow>('windows', {
      codec: valueCodec as StateCodec<OpenWindow>,
      // An entry doesn't say where its window ends.
      form: formOf(shape),
      due: ({ start }) => start + closesAfter,
      moves: { by: 'key', of: keyIn },
      parts: partsIn,
      ...(migrate === undefined
        ? {}
        : {
            migrate: (old: unknown, from: number) => {
              const { start, acc } = old as OpenWindow
              return { start, acc: migrate(acc, from) }
            },
          }),
    })
  }

  add(key: string, time: EpochMs, value: unknown, ctx: StepContext<unknown>): boolean {
    const { size, every, offset, table, closesAfter } = this
    const { aggregator, runtime, update } = this.parts
    const { watermark } = runtime.clock
    let taken = false
    const last = Math.floor((time - offset) / every) * every + offset
    for (let start = last - Math.ceil((size - (time - last)) / every - 1) * every; start <= last; start += every) {
      if (watermark >= start + closesAfter) continue
      taken = true
      const entry = timedKey(start, key)
      const known = table.get(entry)
      runtime.at[0] = runtime.index
      const acc = aggregator.add(known === undefined ? aggregator.init() : known.acc, value)
      table.set(entry, { start, acc })
      update?.(key, start, start + size, acc, ctx)
    }
    return taken
  }

  close(watermark: EpochMs, flow: StepFlow): void {
    const { table, size } = this
    const { final } = this.parts
    for (let due = table.firstDueBy(watermark); due !== undefined; due = table.firstDueBy(watermark)) {
      const { key, value } = due
      table.delete(key)
      final?.(keyIn(key), value.start, value.start + size, value.acc, flow)
    }
  }
}

function formOf({ size, every, offset }: WindowShape & { readonly kind: 'fixed' }): string {
  const at = offset === 0 ? '' : `/offset:${offset}`
  return every === size ? `tumbling:${size}${at}` : `hopping:${size}/every:${every}${at}`
}
