import type { Emitter } from './emitter.js'
import type { Refusals } from './refusals.js'

/**
 * Sinks without a ledger: no more outputs wait for one at once than it can be handed over. Where refused items become letters
 * in a ledger, the list of these has to last until the checkpoint, and a receipt holds so many: then no more wait for such
 * sinks than could be refused (PROTOCOL §5).
 */
export class Crowd {
  private readonly all: readonly Emitter[]
  /** Those whose refused items are listed. */
  private readonly listed: readonly Emitter[]
  private readonly refusals: Refusals
  /** Characters of the longest entry there may be. */
  private readonly chars: number

  constructor(emitters: readonly Emitter[], refusals: Refusals, place: string) {
    this.all = emitters
    this.listed = refusals.lasts ? emitters.filter((emitter) => emitter !== refusals.outlet) : []
    this.refusals = refusals
    const names = this.listed.map(({ id }) => id.length)
    // Beside names and quotes: partition, position and index.
    this.chars = Math.max(0, ...names) + place.length + 40
  }

  /** False: there are no such sinks. */
  get exists(): boolean {
    return this.all.length > 0
  }

  /** Nothing more may be offered before it is settled. */
  get isFull(): boolean {
    return this.isListFull || this.all.some((emitter) => emitter.isFull)
  }

  async settle(signal: AbortSignal): Promise<void> {
    const due = this.isListFull ? this.listed : []
    for (const emitter of this.all) if (emitter.isFull || due.includes(emitter)) await emitter.settle(signal)
  }

  private get isListFull(): boolean {
    if (this.listed.length === 0) return false
    let waiting = 0
    for (const { unsettled } of this.listed) waiting += unsettled
    return waiting >= this.refusals.roomFor(this.chars)
  }
}
