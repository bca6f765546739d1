import { setTimeout as delay } from 'node:timers/promises'
import { blueprintOf } from '../../src/definition/blueprint-of.js'
import type { Blueprint, GuardRails } from '../../src/definition/blueprint.js'
import type { StepContext } from '../../src/definition/context.js'
import { deadLetter } from '../../src/definition/dead-letter-policy.js'
import type { DeadLetter } from '../../src/definition/dead-letter.js'
import { definePipeline } from '../../src/definition/define-pipeline.js'
import { defineSink } from '../../src/definition/define-sink.js'
import { isBad } from './bad.js'
import type { Stream } from '../../src/definition/stream.js'
import {
  type Asked,
  type Counted,
  type Held,
  isTimer,
  type SimTimer,
  timed,
  withState,
  withTold,
} from './model-state.js'
import type { SimBroker } from './sim-broker.js'
import type { SimLedger } from './sim-ledger.js'
import type { SimStore } from './sim-store.js'
import type { SimTarget } from './sim-target.js'

/** One output: of record `v`, the `i`th, with what it saw of its epoch. */
export interface SimOutput extends Partial<Held> {
  readonly v: number
  readonly i: number
  readonly now: number
  readonly random: number
  /** Where it was asked for: another number each time. */
  readonly answer?: number
}

/** What is bad, how much comes of each, and what each sink takes: the pipeline and its reference run both go by it. */
const outputsOf = (v: number): number => v % 3
const takes: readonly ((v: number) => boolean)[] = [() => true, (v) => v % 2 === 0, (v) => v % 5 === 4]

/** What the first two sinks and the target refuse, of what they are offered. */
export const refuses = (ledger: string, v: number, i: number): boolean =>
  (ledger === TARGET && (v + 2 * i) % 4 === 1) ||
  (ledger === `${SINK}0` && (2 * v + i) % 5 === 0) ||
  (ledger === `${SINK}1` && (v + i) % 3 === 0)

/**
 * What a run without faults offers to a ledger, of records in that order. What the sink refuses of it is not committed,
 * but in the digest; its letters have no order.
 */
export function reference(path: readonly number[], ledger: string): readonly (readonly [v: number, i: number])[] {
  const outputs: (readonly [number, number])[] = []
  for (const v of path) {
    if (ledger === LETTERS) {
      if (isBad(v)) outputs.push([v, 0])
    } else for (const i of offeredOf(ledger, v)) outputs.push([v, i])
  }
  return outputs
}

/** Which outputs of a record a ledger is offered. */
export function offeredOf(ledger: string, v: number): readonly number[] {
  if (isBad(v) || (ledger !== TARGET && takes[Number(ledger.slice(SINK.length))]?.(v) !== true)) return []
  return Array.from({ length: outputsOf(v) }, (_, i) => i)
}

export const SOURCE = 'numbers'
/** Where there are two: what comes of both is one stream. */
export const OTHER = 'others'
export const SINK = 'out-'
export const LETTERS = 'dead-letters'
export const TARGET = 'sent'
export const SINKS = takes.length

export interface ModelOptions {
  /** A step with state and timers comes first. */
  readonly stateful: boolean
  /** Where its state lies; null: in history. */
  readonly store: SimStore | null
  /** One for each source. */
  readonly brokers: readonly SimBroker[]
  /** The other source is waited for no longer when it has been silent for so long; null: for ever. */
  readonly idleAfterMs: number | null
  readonly ledgers: readonly SimLedger[]
  /** Without a ledger: gets every output. */
  readonly target: SimTarget | null
  /** Milliseconds between commits: 0, as often as possible; null, with the checkpoint. */
  readonly commitMs: number | null
  readonly asks: boolean
  /** Where it asks, and keeps state: before that step, behind it, or on both sides. */
  readonly askedAt: AskedAt
  readonly guardRails: GuardRails
}

export type AskedAt = 'before' | 'behind' | 'both'

/** A pipeline from the numbers of the logs to those ledgers. */
export function modelPipeline(options: ModelOptions): Blueprint {
  const { brokers, ledgers, target, commitMs, store, asks, stateful, guardRails } = options
  const sinks = ledgers.filter((ledger) => ledger.id !== LETTERS)
  const ask = askOf()
  const letters = ledgers.find((ledger) => ledger.id === LETTERS)
  const pipeline = definePipeline({
    name: 'simulated',
    sources: Object.fromEntries(brokers.map(({ id, source }) => [id, source])),
    ...(asks && store !== null && { state: { backend: store.backend } }),
    onError: letters === undefined ? 'skip' : deadLetter(defineSink(letters.sink<DeadLetter>(commitMs === null))),
    steps: (streams) => {
      const plain = spread(streams, options, ask)
      const made = asks && !stateful ? plain.asyncMap('ask', (output) => ask(output), { concurrency: 2 }) : plain
      const ends = sinks.map((ledger, index) =>
        made
          .filter(
            `takes-${index}`,
            (output) => isTimer(output) || takes[Number(ledger.id.slice(SINK.length))]?.(output.v) === true,
          )
          .to(ledger.id, defineSink(ledger.sink<SimOutput | SimTimer>(commitMs === null))),
      )
      return target === null ? ends : [...ends, made.to(target.id, defineSink(target.sink<SimOutput | SimTimer>()))]
    },
  })
  return { ...blueprintOf(pipeline), commitMs, backend: store?.backend ?? null, guardRails }
}

type Ask = <T extends SimOutput | Asked | SimTimer>(value: T) => Promise<T & { readonly answer: number }>

/** Another answer each time; nobody answers for some of the bad records. */
function askOf(): Ask {
  let answers = 0
  return async (value) => {
    const v = isTimer(value) ? value.nth : value.v
    await delay((v % 4) * 30)
    if (!isTimer(value) && !('i' in value) && isBad(v) && v % 2 === 0) throw new Error(`nobody answers for ${v}`)
    return { ...value, answer: answers++ }
  }
}

/** Outputs of all records, of whichever source. */
function spread(
  streams: Readonly<Record<string, Stream<number, string>>>,
  { brokers, stateful, idleAfterMs, asks, askedAt }: ModelOptions,
  ask: Ask,
): Stream<SimOutput | SimTimer, string, unknown> {
  const { [SOURCE]: first, [OTHER]: second } = streams
  if (first === undefined) throw new TypeError('no source')
  if (!stateful) {
    const all = second === undefined ? first : first.merge('both', second)
    return all.flatMap('spread', (v, ctx) => spreadOut(v, ctx))
  }
  const timeOf = (v: number): number => {
    const broker = brokers.findLast(({ base }) => base <= v)
    return broker?.timeAt(v - broker.base) ?? 0
  }
  const own = timed(first, 'time', timeOf)
  const all =
    second === undefined ? own : own.merge('both', timed(second, 'other-time', timeOf, idleAfterMs ?? undefined))
  if (!asks) return withState(all, timeOf).flatMap('spread', spreadOut)
  if (askedAt === 'behind') {
    const asked = withState(all, timeOf).asyncMap('ask', (value) => ask<Counted | SimTimer>(value), { concurrency: 2 })
    return withTold(asked).flatMap('spread', spreadOut)
  }
  const held = withState(
    all.asyncMap('ask', (v) => ask<Asked>({ v }), { concurrency: 2 }),
    timeOf,
  )
  if (askedAt === 'before') return held.flatMap('spread', spreadOut)
  // Of what comes of this call nothing shows but that it was waited for.
  const again = held.asyncMap('again', async (value) => {
    await ask<Counted | SimTimer>(value)
    return value
  })
  return again.flatMap('spread', spreadOut)
}

/** A bad record fails halfway: what it has put out by then must be taken back. */
function* spreadOut(value: number | Counted | SimTimer, ctx: StepContext<string>): Generator<SimOutput | SimTimer> {
  if (typeof value === 'object' && isTimer(value)) {
    yield value
    return
  }
  const { v, ...held } = typeof value === 'number' ? { v: value } : value
  for (let i = 0; i < outputsOf(v); i++) {
    if (isBad(v) && i > 0) break
    yield { v, i, now: ctx.now, random: ctx.random(), ...held }
  }
  if (isBad(v)) throw new Error(`${v} is bad`)
}
