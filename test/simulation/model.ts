import { blueprintOf } from '../../src/definition/blueprint-of.js'
import type { Blueprint } from '../../src/definition/blueprint.js'
import type { StepContext } from '../../src/definition/context.js'
import { deadLetter } from '../../src/definition/dead-letter-policy.js'
import type { Unkeyed } from '../../src/definition/marks.js'
import type { DeadLetter } from '../../src/definition/dead-letter.js'
import { definePipeline } from '../../src/definition/define-pipeline.js'
import { defineSink } from '../../src/definition/define-sink.js'
import { defineSource } from '../../src/definition/define-source.js'
import type { SourceReader } from '../../src/definition/source.js'
import type { Process } from './schedule.js'
import type { Seeded } from './seeded.js'
import type { SimLedger } from './sim-ledger.js'

/** One output: of record `v`, the `i`th, with what it saw of its epoch. */
export interface SimOutput {
  readonly v: number
  readonly i: number
  readonly now: number
  readonly random: number
}

/** What is bad, how much comes of each, and what each sink takes: the pipeline and its reference run both go by it. */
const isBad = (v: number): boolean => v % 7 === 5
const outputsOf = (v: number): number => v % 3
const takes: readonly ((v: number) => boolean)[] = [() => true, (v) => v % 2 === 0, (v) => v % 5 === 4]

/** What the first two sinks refuse, of what they are offered. */
export const refuses = (ledger: string, v: number, i: number): boolean =>
  (ledger === `${SINK}0` && (2 * v + i) % 5 === 0) || (ledger === `${SINK}1` && (v + i) % 3 === 0)

/** Which positions hold a record; its value is its position. The others are gaps, as compaction leaves them. */
export type Log = readonly boolean[]

/**
 * What a run without faults offers to a ledger, of records from `origin` to before `end`. What the sink refuses of it is
 * not committed, but in the digest; its letters have no order.
 */
export function reference(
  log: Log,
  ledger: string,
  origin: number,
  end: number,
): readonly (readonly [v: number, i: number])[] {
  const outputs: (readonly [number, number])[] = []
  for (let v = origin; v < end; v++) {
    if (log[v] !== true) continue
    if (ledger === LETTERS) {
      if (isBad(v)) outputs.push([v, 0])
    } else for (const i of offeredOf(ledger, v)) outputs.push([v, i])
  }
  return outputs
}

/** Which outputs of a record a ledger is offered. */
export function offeredOf(ledger: string, v: number): readonly number[] {
  if (isBad(v) || takes[Number(ledger.slice(SINK.length))]?.(v) !== true) return []
  return Array.from({ length: outputsOf(v) }, (_, i) => i)
}

export const SOURCE = 'numbers'
export const SINK = 'out-'
export const LETTERS = 'dead-letters'
export const SINKS = takes.length

export interface ModelOptions {
  readonly log: Log
  readonly ledgers: readonly SimLedger[]
  /** Milliseconds between commits: 0, as often as possible; null, with the checkpoint. */
  readonly commitMs: number | null
  readonly random: Seeded
}

/** A pipeline from the numbers of the log to those ledgers. */
export function modelPipeline(options: ModelOptions): Blueprint {
  const { ledgers, commitMs } = options
  const sinks = ledgers.filter((ledger) => ledger.id !== LETTERS)
  const letters = ledgers.find((ledger) => ledger.id === LETTERS)
  const pipeline = definePipeline({
    name: 'simulated',
    sources: { [SOURCE]: numbers(options) },
    onError: letters === undefined ? 'skip' : deadLetter(defineSink(letters.sink<DeadLetter>(commitMs === null))),
    steps: ({ [SOURCE]: stream }) => {
      if (stream === undefined) throw new TypeError('no source')
      const spread = stream.flatMap('spread', spreadOut)
      return sinks.map((ledger, index) =>
        spread
          .filter(`takes-${index}`, ({ v }) => takes[Number(ledger.id.slice(SINK.length))]?.(v) === true)
          .to(ledger.id, defineSink(ledger.sink<SimOutput>(commitMs === null))),
      )
    },
  })
  return { ...blueprintOf(pipeline), commitMs }
}

/** A bad record fails halfway: what it has put out by then must be taken back. */
function* spreadOut(v: number, ctx: StepContext<Unkeyed>): Generator<SimOutput> {
  for (let i = 0; i < outputsOf(v); i++) {
    if (isBad(v) && i > 0) break
    yield { v, i, now: ctx.now, random: ctx.random() }
  }
  if (isBad(v)) throw new Error(`${v} is bad`)
}

/** Hands out records in batches of any size, with gaps anywhere, at any time: other ones on each attempt. */
function numbers({ log, random }: ModelOptions) {
  const open = async (process: Process, position: number): Promise<SourceReader<number>> => {
    await process.step('source open')
    let at = position
    return {
      async poll({ signal }) {
        if (at >= log.length) await aborted(signal)
        await process.step('poll')
        signal.throwIfAborted()
        const from = at
        at = Math.min(log.length, from + 1 + random.below(4))
        const positions = Array.from({ length: at - from }, (_, index) => from + index).filter((v) => log[v] === true)
        const records = positions.map((v) => {
          return { position: String(v), next: String(v + 1), key: null, value: v }
        })
        return { records, next: String(at), lag: log.length - at }
      },
      close: async () => {},
    }
  }
  return defineSource<number, number>({
    kind: 'simulated',
    replayable: true,
    partitions: async () => 1,
    bounds: async () => ({ start: '0', end: String(log.length) }),
    decode: (record) => record.value,
    open: (ctx) => open(ctx.connection('process', 'default') as Process, Number(ctx.position)),
  })
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => reject(new Error('aborted'))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
