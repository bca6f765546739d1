import type {
  Item,
  Owner,
  Receipt,
  SinkContext,
  TransactionalSink,
  TransactionalWriter,
} from '../../src/definition/sink.js'
import { GenerationFenced } from '../../src/errors/ownership.js'
import type { Process } from './schedule.js'

/** How a ledger keeps older owners out: compares and sets, as files and Postgres do · fences producers, as Kafka does. */
export type LedgerKind = 'compare' | 'producer'

/** Ways to break a ledger, to see that the simulation finds them. */
export type LedgerFlaw =
  'no comparing' | 'reads before it fences' | 'receipt before outputs' | 'one producer per process'

export interface Commit {
  readonly receipt: Receipt
  readonly outputs: readonly unknown[]
}

/** Looks on. */
export interface Observer {
  committed(ledger: SimLedger, commit: Commit): void
  refused(ledger: SimLedger, owner: Owner, output: unknown): void
  broken(invariant: string): void
}

/** When a sink finds out that it can't take an output; null: it takes it. */
export type Refuses = (output: unknown) => 'write' | 'commit' | null

/** One ledger, with a step before and after everything that has an effect. */
export class SimLedger {
  readonly id: string
  /** Its number among the sinks of its stage: part of the digest. */
  readonly tag: number
  readonly kind: LedgerKind
  readonly commits: Commit[] = []
  private readonly flaw: LedgerFlaw | null
  private readonly observer: Observer
  private readonly refuses: Refuses
  private token = 0
  private readonly producers = new Map<Process, { token: number }>()

  constructor(
    id: string,
    tag: number,
    kind: LedgerKind,
    flaw: LedgerFlaw | null,
    observer: Observer,
    refuses: Refuses = () => null,
  ) {
    this.refuses = refuses
    this.id = id
    this.tag = tag
    this.kind = kind
    this.flaw = flaw
    this.observer = observer
  }

  get newest(): Receipt | null {
    return this.commits.at(-1)?.receipt ?? null
  }

  sink<T>(withCheckpoint: boolean): TransactionalSink<T, unknown> {
    return {
      kind: 'simulated',
      mode: 'transactional',
      commitsWithCheckpoint: withCheckpoint,
      encode: ({ value }) => value,
      open: (ctx) => (this.kind === 'compare' ? this.openCompared(ctx) : this.openProducer(ctx)),
      inspect: async () => this.newest,
    }
  }

  private async openCompared(ctx: SinkContext): Promise<TransactionalWriter<unknown>> {
    const process = processOf(ctx)
    for (;;) {
      await process.step(`${this.id} open`)
      const found = this.newest
      const fence = ctx.fence(found)
      await process.step(`${this.id} fence`)
      if (this.newest !== found) continue
      // A fence receipt that adds nothing is none: that is how an engine without them is tried.
      const first = fence.seq === found?.seq ? found : fence
      if (first === fence) this.append({ receipt: fence, outputs: [] })
      await process.step(`${this.id} fenced`)
      const isNewest = (last: Receipt): boolean => this.newest === last || this.flaw === 'no comparing'
      return this.writer(ctx, found, first, isNewest)
    }
  }

  private async openProducer(ctx: SinkContext): Promise<TransactionalWriter<unknown>> {
    const process = processOf(ctx)
    let early: Receipt | null = null
    if (this.flaw === 'reads before it fences') {
      await process.step(`${this.id} read`)
      early = this.newest
    }
    await process.step(`${this.id} init`)
    const producer = this.producerOf(process)
    producer.token = ++this.token
    await process.step(`${this.id} read`)
    const found = this.flaw === 'reads before it fences' ? early : this.newest
    const fence = ctx.fence(found)
    const mayCommit = (): boolean => this.token === producer.token || this.flaw === 'no comparing'
    await process.step(`${this.id} fence`)
    if (!mayCommit()) throw this.fenced(ctx)
    this.append({ receipt: fence, outputs: [] })
    await process.step(`${this.id} fenced`)
    return this.writer(ctx, found, fence, mayCommit)
  }

  private producerOf(process: Process): { token: number } {
    const producer = this.producers.get(process)
    if (producer !== undefined && this.flaw === 'one producer per process') return producer
    const made = { token: 0 }
    this.producers.set(process, made)
    return made
  }

  private writer(
    ctx: SinkContext,
    found: Receipt | null,
    fence: Receipt,
    mayCommit: (last: Receipt) => boolean,
  ): TransactionalWriter<unknown> {
    const process = processOf(ctx)
    let outputs: unknown[] = []
    let items: readonly Item<unknown>[] = []
    const refuse = (at: 'write' | 'commit'): void => {
      const item = items.find(({ data }) => this.refuses(data) === at)
      if (item === undefined) return
      this.observer.refused(this, ctx.owner, item.data)
      ctx.reject(item.id, `refused in ${at}`, item.sink)
    }
    let last = fence
    let committing = false
    return {
      receipt: found,
      place: this.id,
      write: async (more: readonly Item<unknown>[]) => {
        await process.step(`${this.id} write`)
        outputs.push(...more.map((item) => item.data))
        items = [...items, ...more]
        refuse('write')
      },
      commit: async (receipt) => {
        committing = true
        try {
          await process.step(`${this.id} commit`)
          if (!mayCommit(last)) throw this.fenced(ctx)
          refuse('commit')
          if (this.flaw === 'receipt before outputs') {
            this.append({ receipt, outputs: [] })
            await process.step(`${this.id} outputs`)
            this.append({ receipt, outputs })
          } else this.append({ receipt, outputs })
          last = receipt
          outputs = []
          items = []
          await process.step(`${this.id} committed`)
        } finally {
          committing = false
        }
      },
      abort: async () => {
        await process.step(`${this.id} abort`)
        outputs = []
        items = []
      },
      close: async () => {
        // What is cleared away now may be what the commit under way is about to name.
        if (committing && !process.killed) this.observer.broken(`${this.id} is closed while its commit is under way`)
      },
    }
  }

  private append(commit: Commit): void {
    this.commits.push(commit)
    this.observer.committed(this, commit)
  }

  private fenced({ pipeline, stage, partition, owner }: SinkContext): GenerationFenced {
    const ledgerOwner = this.newest?.owner ?? null
    return new GenerationFenced({ pipeline, stage, partition, sink: this.id, owner, ledgerOwner })
  }
}

const processOf = (ctx: SinkContext): Process => ctx.connection('process', 'default') as Process
