import { defineSource } from '../../src/definition/define-source.js'
import type { BoundsContext, SourceReader } from '../../src/definition/source.js'
import type { Choices } from './choices.js'
import type { Process } from './schedule.js'

/** Which positions hold a record. The others are gaps, as compaction leaves them. */
export type Log = readonly boolean[]

/** One for all: what state holds is of all records. */
const KEY = Buffer.from('k')
/** Records are that far apart in time where nothing else is said. */
const APART_MS = 10

export interface BrokerParts {
  /** The source's id. */
  readonly id: string
  readonly log: Log
  /** Records from here on are not written yet. */
  readonly end: number
  /** A record's value is its position and that. */
  readonly base: number
  /** Of each position; null: records say nothing, and come in order. */
  readonly times: readonly number[] | null
  /** Nothing is written to it before. */
  readonly silentUntilMs: number
  readonly choices: Choices
}

/** One partition: written bit by bit, read in batches of any size, cut anywhere, other ones on each attempt. */
export class SimBroker {
  readonly id: string
  readonly log: Log
  readonly base: number
  end: number
  private readonly times: readonly number[] | null
  private readonly silentUntilMs: number
  private readonly choices: Choices
  private waiting: (() => void)[] = []

  constructor({ id, log, end, base, times, silentUntilMs, choices }: BrokerParts) {
    this.id = id
    this.log = log
    this.end = end
    this.base = base
    this.times = times
    this.silentUntilMs = silentUntilMs
    this.choices = choices
  }

  timeAt(position: number): number {
    return this.times === null ? position * APART_MS : (this.times[position] ?? 0)
  }

  grow(now: number): void {
    const by = this.choices.below(3)
    if (now < this.silentUntilMs) return
    this.end = Math.min(this.log.length, this.end + by)
    for (const wake of this.waiting.splice(0)) wake()
  }

  get source() {
    const processOf = (ctx: { readonly connection: BoundsContext['connection'] }): Process =>
      ctx.connection('process', 'default') as Process
    return defineSource<number, number, string>({
      kind: 'simulated',
      replayable: true,
      partitions: async () => 1,
      bounds: async (ctx) => {
        await processOf(ctx).step('source bounds')
        const { startAt = 'earliest' } = ctx
        const asked = typeof startAt === 'object' && 'offsets' in startAt ? Number(startAt.offsets[0] ?? 0) : 0
        return { start: String(Math.min(asked, this.log.length)), end: String(this.end) }
      },
      decode: (record) => record.value,
      key: ({ key }) => String(key),
      open: (ctx) => this.open(processOf(ctx), Number(ctx.position)),
    })
  }

  private async open(process: Process, position: number): Promise<SourceReader<number>> {
    await process.step('source open')
    let at = position
    return {
      poll: async ({ signal }) => {
        while (at >= this.end) await this.growth(signal)
        await process.step(`source poll ${this.id}`)
        signal.throwIfAborted()
        const from = at
        at = Math.min(this.end, from + 1 + this.choices.below(4))
        const positions = Array.from({ length: at - from }, (_, index) => from + index)
        const records = positions.filter((v) => this.log[v] === true).map((v) => this.record(v))
        return { records, next: String(at), lag: this.end - at }
      },
      close: async () => {},
    }
  }

  private record(v: number) {
    const record = { position: String(v), next: String(v + 1), key: KEY, value: this.base + v }
    return this.times === null ? record : { ...record, timestamp: this.timeAt(v) }
  }

  private async growth(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const grown = new Promise<void>((resolve) => this.waiting.push(resolve))
    let fail = (): void => {}
    const aborted = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('aborted'))
      signal.addEventListener('abort', fail, { once: true })
    })
    await Promise.race([grown, aborted]).finally(() => signal.removeEventListener('abort', fail))
  }
}
