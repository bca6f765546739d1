import type { Socket } from 'node:net'
import type { Message, Side } from './protocol.js'

/** What becomes of a message: it goes on, its connection is cut instead, or nothing more comes through in its direction. */
export type Fate = 'pass' | 'cut' | 'drop'

/** What decides about messages: the traps that are set, and whether all is held up. */
export interface Passage {
  /** Null: everything passes now. */
  readonly held: Promise<void> | null
  /** Null: no trap is set for it. */
  fate(side: Side, message: Message): Promise<Fate> | null
}

/** One direction of one connection: messages keep their order, whatever holds one up. */
export class Channel {
  private readonly side: Side
  private readonly to: Socket
  private readonly passage: Passage
  private readonly cut: () => void
  private readonly waiting: Message[] = []
  private moving = false
  private dead = false
  private ending = false

  constructor(side: Side, to: Socket, passage: Passage, cut: () => void) {
    this.side = side
    this.to = to
    this.passage = passage
    this.cut = cut
  }

  take(messages: readonly Message[]): void {
    if (this.dead) return
    this.waiting.push(...messages)
    if (!this.moving) void this.move()
  }

  /** The sender has gone. What it had sent is still on its way. */
  end(): void {
    this.ending = true
    if (!this.moving) this.to.end()
  }

  stop(): void {
    this.dead = true
    this.waiting.length = 0
  }

  /** Rejects never: fates are decided by code that doesn't throw. */
  private async move(): Promise<void> {
    this.moving = true
    for (let message = this.waiting.shift(); message !== undefined; message = this.waiting.shift()) {
      while (this.passage.held !== null) await this.passage.held
      const deciding = this.passage.fate(this.side, message)
      const fate = deciding === null ? 'pass' : await deciding
      if (this.dead) return
      if (fate === 'pass') this.to.write(message.bytes)
      else if (fate === 'cut') return this.cut()
      // Its connection stays open, for whoever waits for an answer to give up by himself.
      else this.stop()
    }
    this.moving = false
    if (this.ending) this.to.end()
  }
}
