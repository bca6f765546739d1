export type Side = 'request' | 'response'

/** One whole message as it passes, or some bytes that nobody can name. */
export interface Message {
  readonly bytes: Buffer
  /** What is asked or, of a response, was asked: `EndTxn`, `COMMIT`. Empty: no trap can be set for it. */
  readonly name: string
  /** Who asks, where the protocol tells. */
  readonly client: string
}

/** What passes over one connection, cut into messages. */
export interface Conversation {
  /** Whole messages that end with this chunk; the rest is kept. */
  messages(side: Side, chunk: Buffer): readonly Message[]
}

export type Protocol = () => Conversation

/** Bytes as they come: such connections can be cut and held up, nothing else. */
export const plain: Protocol = () => ({ messages: (_, bytes) => [{ bytes, name: '', client: '' }] })

/** Cuts a stream into pieces whose length is told by their beginning. */
export class Splitter {
  /** Null: too few bytes to tell. */
  private readonly lengthOf: (bytes: Buffer) => number | null
  private rest: Buffer[] = []
  private size = 0
  private wanted: number | null = null

  constructor(lengthOf: (bytes: Buffer) => number | null) {
    this.lengthOf = lengthOf
  }

  *take(chunk: Buffer): Generator<Buffer> {
    this.rest.push(chunk)
    this.size += chunk.length
    // A large message comes in many chunks: they are put together once.
    if (this.wanted !== null && this.size < this.wanted) return
    let bytes = this.rest.length === 1 ? chunk : Buffer.concat(this.rest)
    for (;;) {
      this.wanted = this.lengthOf(bytes)
      if (this.wanted === null || bytes.length < this.wanted) break
      yield bytes.subarray(0, this.wanted)
      bytes = bytes.subarray(this.wanted)
    }
    this.rest = [bytes]
    this.size = bytes.length
  }
}
