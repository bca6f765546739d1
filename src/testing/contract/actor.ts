import { AsyncLocalStorage } from 'node:async_hooks'

/** What a step fails with where an owner is killed, or its I/O breaks. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'
}

/**
 * What happens at the step: `stop`, as by SIGSTOP, until released; `kill`: it and all later ones fail; `fail`: this one
 * fails, as by a broken disk or connection, and the owner goes on to close.
 */
export type Mishap = 'stop' | 'kill' | 'fail'

const acting = new AsyncLocalStorage<Actor>()

/** Called by a sink under test before each of its I/O calls: stops, kills or delays whoever acts. */
export const step = async (): Promise<void> => acting.getStore()?.step()

/**
 * A process that has one mishap, between any two of its steps. Whatever is awaited inside `run` belongs to it.
 */
export class Actor {
  /** Settles when the mishap has come. */
  readonly reached: Promise<void>
  #reach: () => void = () => {}
  #release: () => void = () => {}
  readonly #released: Promise<void>
  readonly #stopAt: number
  readonly #mishap: Mishap
  readonly #delay: (() => Promise<void>) | null
  #steps = 0
  #killed = false

  constructor(
    options: { readonly stopAt?: number; readonly mishap?: Mishap; readonly delay?: () => Promise<void> } = {},
  ) {
    this.#stopAt = options.stopAt ?? Infinity
    this.#mishap = options.mishap ?? 'stop'
    this.#delay = options.delay ?? null
    this.reached = new Promise((resolve) => (this.#reach = resolve))
    this.#released = new Promise((resolve) => (this.#release = resolve))
  }

  run<R>(body: () => Promise<R>): Promise<R> {
    return acting.run(this, body)
  }

  async step(): Promise<void> {
    if (this.#killed) throw new StepFailed('killed')
    if (this.#steps++ === this.#stopAt) {
      this.#killed = this.#mishap === 'kill'
      this.#reach()
      if (this.#mishap !== 'stop') throw new StepFailed(this.#mishap)
      await this.#released
    }
    await this.#delay?.()
  }

  /** Lets it go on from where it stands. */
  release(): void {
    this.#release()
  }
}
