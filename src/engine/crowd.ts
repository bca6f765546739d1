import type { Emitter } from './emitter.js'
import type { Refusals } from './refusals.js'

/**
 * Sinks without a ledger whose refused items become letters in one: the list of these has to last until the checkpoint, and
 * a receipt holds so many. So no more outputs wait for such sinks at once than could be refused (PROTOCOL §5).
 */
export class Crowd {
  private readonly emitters: readonly Emitter[]
  private readonly refusals: Refusals
  /** Characters of the longest entry there may be. */
  private readonly chars: number

  constructor(emitters: readonly Emitter[], refusals: Refusals, place: string) {
    this.emitters = refusals.lasts ? emitters.filter((emitter) => emitter !== refusals.outlet) : []
    this.refusals = refusals
    const names = this.emitters.map(({ id }) => id.length)
    // Beside names and quotes: partition, position and index.
    this.chars = Math.max(0, ...names) + place.length + 40
  }

  /** Null: any number of outputs may wait. */
  get room(): number | null {
    return this.emitters.length === 0 ? null : this.refusals.roomFor(this.chars)
  }

  get waiting(): number {
    let waiting = 0
    for (const { unsettled } of this.emitters) waiting += unsettled
    return waiting
  }

  async settle(signal: AbortSignal): Promise<void> {
    const { room } = this
    if (room === null || this.waiting < room) return
    for (const emitter of this.emitters) await emitter.settle(signal)
  }
}
