import { type CoordinatorKind, findCoordinatorRequest } from '../protocol/find-coordinator.js'
import type { KafkaRequest } from '../protocol/request.js'
import type { Answer } from '../protocol/transactions.js'
import type { Links } from './links.js'
import { Refusal, requireDone } from './refusal.js'
import { type Limits, type MayRetry, passes, retried } from './retry.js'

/** The broker that looks after a group's offsets, or after the transactions of an id. It is found again when it moves. */
export class Coordinator {
  readonly #links: Links
  readonly #kind: CoordinatorKind
  readonly #key: string
  readonly #limits: Limits
  #address: string | null = null

  constructor(links: Links, kind: CoordinatorKind, key: string, limits: Limits) {
    this.#links = links
    this.#kind = kind
    this.#key = key
    this.#limits = limits
  }

  /** Asks it until it answers with more than a failure that passes; `mayRetry` says which do. Throws a `Refusal`. */
  async ask<A extends Answer>(
    request: KafkaRequest<A>,
    operation: string,
    mayRetry: MayRetry = passes,
    limits: Limits = this.#limits,
  ): Promise<A> {
    return await retried(limits, () => this.#once(request, operation), mayRetry)
  }

  async #once<A extends Answer>(request: KafkaRequest<A>, operation: string): Promise<A> {
    this.#address ??= await this.#find()
    try {
      const answer = await this.#links.send(this.#address, request)
      requireDone(answer.errorCode, operation)
      return answer
    } catch (error) {
      // It may have moved away from a broker that doesn't answer.
      if (!(error instanceof Refusal) || error.means === 'moved') this.#address = null
      throw error
    }
  }

  async #find(): Promise<string> {
    const { errorCode, address } = await this.#links.ask(findCoordinatorRequest(this.#kind, this.#key))
    requireDone(errorCode, `find the coordinator of ${this.#kind} ${this.#key}`)
    return address
  }
}
