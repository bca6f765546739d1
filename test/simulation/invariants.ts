import type { Owner, Receipt } from '../../src/definition/sink.js'
import { ChainedDigest } from '../../src/engine/digest.js'
import type { TaskState } from '../../src/protocol/task.js'
import { LETTERS, type Log, reference, type SimOutput, SOURCE } from './model.js'
import type { Commit, Observer, SimLedger } from './sim-ledger.js'

/** Checks PROTOCOL §8 while a simulation runs; remembers the first violation. */
export class Invariants implements Observer {
  broke: string | null = null
  /** Where each generation begins. */
  readonly origins = new Map<number, number>()
  private readonly seen = new Map<SimLedger, Progress>()
  /** By generation and record: the epoch time and random number that its outputs show (invariant 2). */
  private readonly shown = new Map<string, string>()
  private readonly recorded = new Map<number, number>()
  private readonly log: Log

  constructor(log: Log) {
    this.log = log
  }

  broken(invariant: string): void {
    this.broke ??= invariant
  }

  committed(ledger: SimLedger, commit: Commit): void {
    const progress = this.seen.get(ledger) ?? new Progress()
    this.seen.set(ledger, progress)
    const { receipt } = commit
    const { last } = progress
    if (receipt.seq !== (last?.seq ?? 0) + 1) this.broken(`6: seq ${receipt.seq} after ${last?.seq ?? 'nothing'}`)
    if (last !== null && compareOwners(last.owner, receipt.owner) > 0) {
      this.broken(`5, 6: ${ownerText(receipt.owner)} commits after ${ownerText(last.owner)}`)
    }
    if (last?.owner.generation !== receipt.owner.generation) progress.restart()
    progress.last = receipt
    this.checkOutputs(ledger, commit, progress)
  }

  /** A result or a start is in history. */
  checkRecorded(state: TaskState, ledgers: readonly SimLedger[]): void {
    const { generation, checkpoint } = state
    const position = Number(checkpoint.positions[SOURCE])
    const before = this.recorded.get(generation) ?? 0
    if (position < before) this.broken(`4: checkpoint at ${position} after ${before}`)
    this.recorded.set(generation, position)
    for (const ledger of ledgers) {
      const { newest } = ledger
      const mark = checkpoint.ledgers[ledger.id]
      if (mark !== undefined && (newest === null || newest.seq < mark.seq)) {
        this.broken(`4: ${ledger.id} is at seq ${newest?.seq}, the checkpoint includes ${mark.seq}`)
      }
      if (newest?.owner.generation !== generation) continue
      const due = reference(this.log, ledger.id, this.originOf(generation), position).length
      const count = this.seen.get(ledger)?.count ?? 0
      if (count < due) this.broken(`8: checkpoint at ${position}, ${ledger.id} holds ${count} of ${due} outputs`)
    }
  }

  /** After everything: all is there, once. */
  checkComplete(generation: number, ledgers: readonly SimLedger[]): void {
    for (const ledger of ledgers) {
      const due = reference(this.log, ledger.id, this.originOf(generation), this.log.length).length
      const count = ledger.newest?.owner.generation === generation ? (this.seen.get(ledger)?.count ?? 0) : 0
      if (count !== due) this.broken(`1, 15: in the end ${ledger.id} holds ${count} of ${due} outputs`)
    }
  }

  private checkOutputs(ledger: SimLedger, { receipt, outputs }: Commit, progress: Progress): void {
    const { generation } = receipt.owner
    const origin = this.originOf(generation)
    for (const output of outputs) {
      progress.digest.update(Buffer.from(JSON.stringify(output)), ledger.tag)
      const [v, i] = idOf(ledger, output)
      // The whole reference is longer than what may be committed: the prefix shows duplicates, gaps and reorderings.
      const expected = reference(this.log, ledger.id, origin, v + 1)[progress.count]
      progress.count++
      if (expected?.[0] !== v || expected[1] !== i) {
        this.broken(
          `1: ${ledger.id} commits ${v}.${i} as its output number ${progress.count} of generation ${generation}`,
        )
      }
      if (ledger.id !== LETTERS) this.checkShown(generation, output as SimOutput)
    }
    const position = Number(receipt.positions[SOURCE])
    const due = reference(this.log, ledger.id, origin, position).length
    if (progress.count !== due) {
      this.broken(`17: ${ledger.id} holds ${progress.count} outputs at position ${position}, where ${due} are due`)
    }
    if (progress.digest.toString() !== receipt.digest) this.broken(`10: the digest of ${ledger.id} at ${position}`)
  }

  private checkShown(generation: number, { v, i, now, random }: SimOutput): void {
    const key = `${generation}/${v}.${i}`
    const shown = `${now} ${random}`
    const other = this.shown.get(key)
    if (other !== undefined && other !== shown) this.broken(`2: ${key} shows ${shown} and ${other}`)
    this.shown.set(key, shown)
  }

  private originOf(generation: number): number {
    return this.origins.get(generation) ?? 0
  }
}

/** What a ledger holds of the generation at hand. */
class Progress {
  last: Receipt | null = null
  count = 0
  digest = new ChainedDigest()

  restart(): void {
    this.count = 0
    this.digest = new ChainedDigest()
  }
}

/** By (generation, incarnation, claim); not the engine's, whose mistake would not show. */
const compareOwners = (a: Owner, b: Owner): number =>
  a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim

const ownerText = ({ generation, incarnation, claim }: Owner): string => `(${generation}, ${incarnation}, ${claim})`

function idOf(ledger: SimLedger, output: unknown): readonly [v: number, i: number] {
  if (ledger.id === LETTERS) return [Number((output as { origin: { position: string } }).origin.position), 0]
  const { v, i } = output as SimOutput
  return [v, i]
}
