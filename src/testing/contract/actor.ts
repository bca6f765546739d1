import { AsyncLocalStorage } from 'node:async_hooks'

/** What a killed owner's next step fails with. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

const acting = new AsyncLocalStorage<Actor>()

/** Called by a sink under test before each of its I/O calls: stops, kills or delays whoever acts. */
export const step = async (): Promise<void> => acting.getStore()?.step()

/**
 * A process that can be stopped between any two steps, as by SIGSTOP, and go on later; or be killed there. Whatever is
 * awaited inside `run` belongs to it.
 */
export class Actor {
  /** Settles when it stands at its stop, or was killed there. */
  readonly reached: Promise<void>
  #reach: () => void = () => {}
  #release: () => void = () => {}
  readonly #released: Promise<void>
  readonly #stopAt: number
  readonly #kill: boolean
  readonly #delay: (() => Promise<void>) | null
  #steps = 0
  #killed = false

  constructor(
    options: { readonly stopAt?: number; readonly kill?: boolean; readonly delay?: () => Promise<void> } = {},
  ) {
    this.#stopAt = options.stopAt ?? Infinity
    this.#kill = options.kill ?? false
    this.#delay = options.delay ?? null
    this.reached = new Promise((resolve) => (this.#reach = resolve))
    this.#released = new Promise((resolve) => (this.#release = resolve))
  }

  run<R>(body: () => Promise<R>): Promise<R> {
    return acting.run(this, body)
  }

  async step(): Promise<void> {
    if (this.#killed) throw new Killed('killed')
    if (this.#steps++ === this.#stopAt) {
      this.#killed = this.#kill
      this.#reach()
      if (this.#killed) throw new Killed('killed')
      await this.#released
    }
    await this.#delay?.()
  }

  /** Lets it go on from where it stands. */
  release(): void {
    this.#release()
  }
}
