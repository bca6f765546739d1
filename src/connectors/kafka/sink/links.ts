import type { BrokerLink, openBrokerLink } from '../broker-link.js'
import { unmetVersion } from '../check-versions.js'
import type { KafkaConnection } from '../kafka-connection.js'
import { type KafkaRequest, sinkApis, type Throttled } from '../protocol/request.js'

export type OpenLink = typeof openBrokerLink

/** A broker that doesn't speak what the sink needs. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported'
}

/** One writer's connections: one per broker, opened when it is needed, and anew after a failure. */
export class Links {
  readonly #connection: KafkaConnection
  readonly #open: OpenLink
  readonly #end = new AbortController()
  readonly #links = new Map<string, Promise<BrokerLink>>()

  constructor(connection: KafkaConnection, open: OpenLink) {
    this.#connection = connection
    this.#open = open
  }

  /** Asks the broker at `address`. Rejects with kafkajs's errors; nobody knows then whether the broker has done it. */
  async send<Answer extends Throttled>(address: string, request: KafkaRequest<Answer>): Promise<Answer> {
    const opening = this.#links.get(address) ?? this.#connect(address)
    try {
      return await (await opening).send(request)
    } catch (error) {
      this.#drop(address, opening)
      throw error
    }
  }

  /** Asks whichever broker answers: those connected first, then those configured. */
  async ask<Answer extends Throttled>(request: KafkaRequest<Answer>): Promise<Answer> {
    let last: unknown
    for (const address of new Set([...this.#links.keys(), ...this.#connection.brokers])) {
      try {
        return await this.send(address, request)
      } catch (error) {
        this.#end.signal.throwIfAborted()
        last = error
      }
    }
    throw last
  }

  /** Ends all connections; what is under way rejects. */
  destroy(): void {
    this.#end.abort(new Error('the writer was closed'))
    this.#links.clear()
  }

  #connect(address: string): Promise<BrokerLink> {
    const opening = this.#openChecked(address)
    this.#links.set(address, opening)
    opening.catch(() => undefined)
    return opening
  }

  async #openChecked(address: string): Promise<BrokerLink> {
    const link = await this.#open(this.#connection, address, this.#end.signal)
    const unmet = unmetVersion(link.versions, address, sinkApis)
    if (unmet === null) return link
    link.destroy()
    throw new Unsupported(`needs ${unmet.needed}; found ${unmet.found}`)
  }

  #drop(address: string, link: Promise<BrokerLink>): void {
    if (this.#links.get(address) === link) this.#links.delete(address)
    link.then(
      (opened) => opened.destroy(),
      () => undefined,
    )
  }
}
