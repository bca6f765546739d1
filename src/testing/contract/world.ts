import { isDeepStrictEqual } from 'node:util'
import { sinkDefinitionOf } from '../../definition/define-sink.js'
import { noHeaders } from '../../definition/headers.js'
import type {
  Item,
  Output,
  Owner,
  Receipt,
  Sink,
  SinkContext,
  TransactionalSink,
  TransactionalWriter,
} from '../../definition/sink.js'
import type { ContractSubject, SinkContractOptions } from '../contract.js'
import { step } from './actor.js'
import { fenceAs } from './fence.js'

/** A sentence of the contract that the sink doesn't keep. */
export class ContractBroken extends Error {
  override readonly name = 'ContractBroken'
}

export function expect(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new ContractBroken(sentence)
}

export function expectEqual(got: unknown, wanted: unknown, what: string): void {
  if (isDeepStrictEqual(got, wanted)) return
  throw new ContractBroken(`${what}: expected ${brief(wanted)}, got ${brief(got)}`)
}

export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text
}

/** The code of a rejection: the class name of a TidemarkError. */
export const codeOf = (error: unknown): string =>
  (error as { readonly code?: string } | null)?.code ?? (error as Error | null)?.name ?? String(error)

/** Null, or what it rejected with. */
export const settled = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

/** Expects a rejection, and says which. */
export async function rejection(call: Promise<unknown>, sentence: string): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new ContractBroken(sentence)
}

/** Expects `GenerationFenced`, naming the holder where the sink can tell. */
export async function fenced(call: Promise<unknown>, holder: Owner, sentence: string): Promise<void> {
  const error = await rejection(call, sentence)
  expectEqual(codeOf(error), 'GenerationFenced', `${sentence}; the error's code`)
  const { ledgerOwner } = (error as { details: { ledgerOwner: Owner | null } }).details
  if (ledgerOwner !== null) expectEqual(ledgerOwner, holder, `${sentence}; the error's ledgerOwner`)
}

export const owner = (generation: number, incarnation: number, claim: number, runId = 'run-1'): Owner => ({
  generation,
  incarnation,
  claim,
  runId,
})

const SOURCE = 'numbers'

/** The position that a receipt speaks of, as a number of values. */
export const positionOf = (receipt: Receipt | null): number => Number(receipt?.positions[SOURCE] ?? 0)

/** The values below `count`. */
export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n)

/** One place that nobody has written to, with the values 0, 1, 2 … to write. */
export class World {
  readonly definition: TransactionalSink<unknown, unknown>
  readonly #options: SinkContractOptions<unknown, unknown>
  readonly #subject: ContractSubject<unknown, unknown>
  readonly #claims: Claim[] = []

  private constructor(options: SinkContractOptions<unknown, unknown>, subject: ContractSubject<unknown, unknown>) {
    this.#options = options
    this.#subject = subject
    this.definition = transactional(subject.sink)
  }

  /** Runs one check on a place of its own. */
  static async with<R>(
    options: SinkContractOptions<unknown, unknown>,
    check: (world: World) => Promise<R>,
  ): Promise<R> {
    const subject = await options.subject(step)
    try {
      const world = new World(options, subject)
      let result: R
      try {
        result = await check(world)
      } catch (error) {
        // The check's own error says more than what closing may throw after it.
        await world.#close().catch(() => {})
        throw error
      }
      await world.#close()
      return result
    } finally {
      await subject.close?.()
    }
  }

  get commits(): number {
    return this.#options.commits ?? 12
  }

  /** Whether this is how an owner may end that has been fenced. */
  isFencing(error: unknown): boolean {
    const code = codeOf(error)
    return code === 'GenerationFenced' || (this.#options.fencesFirst === true && code === 'SinkUnavailable')
  }

  async claim(as: Owner): Promise<Claim> {
    const fences: Receipt[] = []
    const found: (Receipt | null)[] = []
    const base = this.#context()
    const { pipeline, stage, partition } = base
    const decide = fenceAs(
      as,
      { [SOURCE]: '0' },
      { pipeline, stage, partition, sink: 'out', owner: as, ledgerOwner: null },
    )
    const ctx: SinkContext = {
      ...base,
      owner: as,
      fence(newest) {
        found.push(newest)
        const receipt = decide(newest)
        fences.push(receipt)
        return receipt
      },
      reject(itemId, reason) {
        throw new ContractBroken(`item ${itemId} was rejected: ${reason}`)
      },
    }
    await step()
    const writer = await this.definition.open(ctx)
    const fence = fences.at(-1)
    expect(fence !== undefined, 'open calls ctx.fence')
    const claim = new Claim({ world: this, writer, owner: as, fence, found: found.at(-1) ?? null })
    this.#claims.push(claim)
    return claim
  }

  /** The newest receipt, without fencing. */
  inspect(): Promise<Receipt | null> {
    return this.definition.inspect(this.#context())
  }

  /** Readers see these values, in this order, and nothing else. */
  async expectVisible(numbers: readonly number[], when: string): Promise<void> {
    const got = await this.#subject.read()
    const wanted = numbers.map((n) => this.#options.value(n))
    if (isDeepStrictEqual(got, wanted)) return
    const known = got.map((value) => wanted.findIndex((other) => isDeepStrictEqual(value, other)))
    throw new ContractBroken(
      `${when}: readers must see ${wanted.length} values, and see ${got.length}; each as its number among those expected: ${brief(known)}`,
    )
  }

  items(from: number, count: number): readonly Item<unknown>[] {
    return Array.from({ length: count }, (_, index) => {
      const { id, sink, output } = this.#output(from + index)
      return { id, sink, data: this.definition.encode(output) }
    })
  }

  async #close(): Promise<void> {
    for (const claim of this.#claims) await claim.close()
  }

  #output(n: number): { id: string; sink: string; output: Output<unknown> } {
    const { pipeline, stage, partition } = this.#context()
    const id = `${pipeline}/${stage}/${SOURCE}-${partition}-${n}-0`
    const origin = { source: SOURCE, partition, position: String(n) }
    const value = this.#options.value(n)
    return { id, sink: 'out', output: { value, key: null, timestamp: 0, headers: noHeaders, origin, id } }
  }

  #context(): Omit<SinkContext, 'owner' | 'fence' | 'reject'> {
    return {
      pipeline: 'contract',
      stage: 'main',
      partition: 3,
      ledgerKey: 'contract/contract/main/3/out',
      sinks: ['out'],
      signal: new AbortController().signal,
      connection(kind, name) {
        throw new ContractBroken(`the subject has no context.connection for ${kind} ${name}`)
      },
      ...this.#subject.context,
    }
  }
}

/** An opened writer, and how far it has come. */
export class Claim {
  readonly writer: TransactionalWriter<unknown>
  readonly owner: Owner
  /** The fence receipt it committed, and what it had found. */
  readonly fence: Receipt
  readonly found: Receipt | null
  /** Next value to write. */
  position: number
  /** The last receipt known to be in the ledger. */
  last: Receipt
  readonly #world: World
  #closed = false

  constructor(from: Pick<Claim, 'writer' | 'owner' | 'fence' | 'found'> & { readonly world: World }) {
    this.writer = from.writer
    this.owner = from.owner
    this.fence = from.fence
    this.found = from.found
    this.last = from.fence
    this.position = positionOf(from.fence)
    this.#world = from.world
  }

  async write(count: number): Promise<void> {
    const items = this.#world.items(this.position, count)
    await step()
    await this.writer.write(items)
    this.position += count
  }

  async commit(more: Partial<Receipt> = {}): Promise<Receipt> {
    const { position } = this
    const receipt: Receipt = {
      ...this.last,
      epoch: 1,
      time: 1_700_000_000_000,
      digest: `digest of ${position}`,
      ...more,
      seq: this.last.seq + 1,
      positions: { [SOURCE]: String(position) },
    }
    await step()
    await this.writer.commit(receipt)
    this.last = receipt
    return receipt
  }

  async abort(): Promise<void> {
    await step()
    await this.writer.abort()
    this.position = positionOf(this.last)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await step()
    this.#closed = true
    await this.writer.close()
  }
}

function transactional(sink: Sink<unknown> | TransactionalSink<unknown, unknown>): TransactionalSink<unknown, unknown> {
  const definition = 'open' in sink ? sink : sinkDefinitionOf(sink)
  expect(definition !== undefined, 'a sink made by defineSink, or a definition')
  expect(definition.mode === 'transactional', "a sink whose mode is 'transactional'")
  return definition
}
