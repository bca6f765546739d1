import type { Connection, Submittable } from 'pg'

/** What `pg` calls on whatever it was given to run; its types tell of `submit` only. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Uint8Array): void
  endCopyFrom(): void
}

/** One `COPY … FROM STDIN` as `pg` runs it, with all its input at hand. */
export class Copy implements Submittable {
  readonly done: Promise<void>
  /** Set by `pg`: it ends the time-out. */
  callback?: () => void
  readonly #text: string
  readonly #input: Uint8Array
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(text: string, input: Uint8Array) {
    this.#text = text
    this.#input = input
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    connection.query(this.#text)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#input)
    connection.endCopyFrom()
  }

  handleCommandComplete(): void {}

  handleError(error: Error): void {
    this.callback?.()
    this.#reject(error)
  }

  handleReadyForQuery(): void {
    this.callback?.()
    this.#resolve()
  }
}
