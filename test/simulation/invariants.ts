import type { DeadLetter } from '../../src/definition/dead-letter.js'
import type { Owner, Receipt } from '../../src/definition/sink.js'
import { ChainedDigest } from '../../src/engine/digest.js'
import type { TaskState } from '../../src/protocol/task.js'
import type { Positions } from '../../src/definition/position.js'
import { eventTimers, heldOf, isTimer, type SimTimer } from './model-state.js'
import { isBad } from './bad.js'
import { LETTERS, offeredOf, reference, refuses, type SimOutput } from './model.js'
import { Paths } from './paths.js'
import type { Setting } from './setting.js'
import type { Commit, Observer, SimLedger } from './sim-ledger.js'

/** Checks PROTOCOL §8 while a simulation runs; remembers the first violation. */
export class Invariants implements Observer {
  broke: string | null = null
  private setting!: Setting
  private paths!: Paths
  private readonly seen = new Map<SimLedger, Progress>()
  /** By generation and record: the epoch time and random number that its outputs show (invariant 2). */
  private readonly shown = new Map<string, string>()
  private readonly checkpoints = new Map<number, Positions>()
  /** By generation, ledger and output. */
  private readonly refusedOutputs = new Map<string, SimOutput[]>()
  private readonly tell: (what: string) => void

  constructor(tell: (what: string) => void) {
    this.tell = tell
  }

  broken(invariant: string): void {
    if (this.broke === null) this.tell(`BROKEN ${invariant}`)
    this.broke ??= invariant
  }

  begin(setting: Setting): void {
    this.setting = setting
    this.paths = new Paths(setting.brokers)
  }

  /** A start: of a generation that may have begun before. */
  begins(generation: number, epoch: number, origin: Positions): void {
    this.paths.begins(generation, epoch, origin)
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
    this.tell(this.commitText(ledger, commit))
    if (last?.owner.generation !== receipt.owner.generation) progress.restart()
    progress.last = receipt
    this.checkOutputs(ledger, commit, progress)
  }

  /** A sink has refused an output: it is in the digest all the same. */
  refused(ledger: SimLedger, owner: Owner, output: unknown): void {
    this.tell(`  ${ledger.id} refuses ${this.idOf(ledger, output).join('.')}`)
    const key = `${owner.generation}/${ledger.id}/${this.idOf(ledger, output).join('.')}`
    this.refusedOutputs.set(key, [...(this.refusedOutputs.get(key) ?? []), output as SimOutput])
  }

  /** A result is in history. `wasReset`: one that lacks what has happened. */
  recorded({ generation, checkpoint }: TaskState, wasReset: boolean): void {
    const { epoch, positions } = checkpoint
    this.paths.recorded(generation, epoch, positions)
    if (wasReset) return
    const before = this.checkpoints.get(generation) ?? positions
    const isBack = Object.entries(before).some(([id, at]) => Number(positions[id]) < Number(at))
    if (isBack) this.broken(`4: checkpoint at ${placeText(positions)} after ${placeText(before)}`)
    this.checkpoints.set(generation, positions)
    const path = this.paths.upTo(generation, epoch, positions)
    const at = placeText(positions)
    for (const ledger of this.setting.ledgers) {
      const { newest } = ledger
      const mark = checkpoint.ledgers[ledger.id]
      if (mark !== undefined && (newest === null || newest.seq < mark.seq)) {
        this.broken(`4: ${ledger.id} is at seq ${newest?.seq}, the checkpoint includes ${mark.seq}`)
      }
      if (newest?.owner.generation !== generation) continue
      const due = reference(path, ledger.id).length
      const count = this.seen.get(ledger)?.count ?? 0
      if (count < due) this.broken(`8: checkpoint at ${at}, ${ledger.id} holds ${count} of ${due} outputs`)
      this.checkLetters(generation, path, at, ledger.id)
    }
    this.checkTarget(generation, path, at)
  }

  /** After everything: all is there, once. */
  checkComplete({ generation, checkpoint, until }: TaskState): void {
    const { epoch, positions } = checkpoint
    const path = this.paths.upTo(generation, epoch, positions)
    const end = placeText(positions)
    for (const { id, log } of this.setting.brokers) {
      const due = until === null ? log.length : Number(until[id])
      if (Number(positions[id]) < due) this.broken(`15: in the end ${id} is at ${positions[id]}, before ${due}`)
    }
    for (const ledger of this.setting.ledgers) {
      const due = reference(path, ledger.id).length
      const count = ledger.newest?.owner.generation === generation ? (this.seen.get(ledger)?.count ?? 0) : 0
      if (count !== due) this.broken(`1, 15: in the end ${ledger.id} holds ${count} of ${due} outputs`)
      this.checkLetters(generation, path, end, ledger.id)
      const timers = [...(this.seen.get(ledger)?.names ?? [])].filter((name) => name.startsWith('e')).length
      const all = eventTimers(path)
      if (this.setting.stateful && this.setting.bounded && ledger.id !== LETTERS && timers !== all) {
        this.broken(`11: in the end ${ledger.id} holds ${timers} of ${all} timers by event time`)
      }
    }
    this.checkTarget(generation, path, end)
  }

  private checkOutputs(ledger: SimLedger, { receipt, outputs }: Commit, progress: Progress): void {
    const { generation } = receipt.owner
    const position = placeText(receipt.positions)
    const done = this.paths.upTo(generation, receipt.epoch, receipt.positions)
    const path = [...done, ...this.paths.after(receipt.positions)]
    const offered = reference(path, ledger.id)
    for (const output of outputs) {
      if (ledger.id === LETTERS && (output as DeadLetter).error.code === 'RecordRejected') {
        this.checkLetter(output as DeadLetter, progress)
        continue
      }
      if (isTimer(output as object)) {
        this.checkTimer(ledger, generation, output as SimTimer, path, progress)
        continue
      }
      this.passRefused(ledger, generation, offered, progress)
      progress.digest.update(Buffer.from(JSON.stringify(output)), ledger.tag)
      const [v, i] = this.idOf(ledger, output)
      const expected = offered[progress.count]
      progress.count++
      if (expected?.[0] !== v || expected[1] !== i) {
        this.broken(
          `1: ${ledger.id} commits ${v}.${i} as its output number ${progress.count} of generation ${generation}`,
        )
      }
      if (ledger.id !== LETTERS) {
        this.checkShown(generation, output as SimOutput)
        this.checkHeld(ledger, path, output as SimOutput, progress)
      }
    }
    const due = reference(done, ledger.id).length
    this.passRefused(ledger, generation, offered.slice(0, due), progress)
    if (progress.count !== due) {
      this.broken(`17: ${ledger.id} holds ${progress.count} outputs at position ${position}, where ${due} are due`)
    }
    if (progress.digest.toString() !== receipt.digest) this.broken(`10: the digest of ${ledger.id} at ${position}`)
  }

  /** What comes next and is refused takes its place in count and digest. */
  private passRefused(
    ledger: SimLedger,
    generation: number,
    offered: readonly (readonly [v: number, i: number])[],
    progress: Progress,
    isMeant: (v: number) => boolean = () => true,
  ): void {
    for (let next = offered[progress.count]; next !== undefined; next = offered[progress.count]) {
      if (!isMeant(next[0]) || !refuses(ledger.id, ...next)) return
      const refused = this.refusedOutputs.get(`${generation}/${ledger.id}/${next.join('.')}`)
      // A zombie may have been refused the same, at the time of an older epoch.
      const output = refused?.findLast(({ now }) => now === progress.last?.time) ?? refused?.at(-1)
      if (output === undefined) return
      progress.digest.update(Buffer.from(JSON.stringify(output)), ledger.tag)
      progress.count++
    }
  }

  /** A timer's output comes once, where it fired among the records' (invariant 11). */
  private checkTimer(
    ledger: SimLedger,
    generation: number,
    timer: SimTimer,
    path: readonly number[],
    progress: Progress,
  ): void {
    const before = new Set(path.slice(0, path.indexOf(timer.after) + 1))
    this.passRefused(ledger, generation, reference(path, ledger.id), progress, (v) => before.has(v))
    progress.digest.update(Buffer.from(JSON.stringify(timer)), ledger.tag)
    progress.fired++
    if (progress.names.has(timer.timer)) this.broken(`11: ${ledger.id} holds ${timer.timer} twice`)
    progress.names.add(timer.timer)
    if (timer.nth !== progress.fired) {
      this.broken(`11: ${ledger.id} has timer number ${timer.nth} as its number ${progress.fired}`)
    }
    const key = `${generation}/${timer.timer}`
    const shown = `${timer.now} ${timer.nth}`
    const other = this.shown.get(key)
    if (other !== undefined && other !== shown) this.broken(`2: ${key} shows ${shown} and ${other}`)
    this.shown.set(key, shown)
  }

  /** What state held is what all before it gave (invariants 3 and 11). */
  private checkHeld(
    ledger: SimLedger,
    path: readonly number[],
    { v, count, trail, fired, told }: SimOutput,
    progress: Progress,
  ): void {
    if (count === undefined) return
    const held = heldOf(path.slice(0, path.indexOf(v) + 1))
    if (count !== held.count) this.broken(`3: state counts ${count} records at ${v}, of ${held.count}`)
    if (trail !== held.trail) this.broken(`3: records up to ${v} came to state in another order`)
    if (fired !== progress.fired) {
      this.broken(`11: state knows of ${fired} timers at ${v}, ${ledger.id} of ${progress.fired}`)
    }
    if (told !== undefined)
      this.checkTold(progress.last?.owner.generation ?? 0, path.slice(0, path.indexOf(v) + 1), told)
  }

  /** State knows of what outputs show that records were told. */
  private checkTold(generation: number, path: readonly number[], told: readonly number[]): void {
    const good = path.filter((v) => !isBad(v))
    if (told.length !== good.length)
      this.broken(`3: state knows what ${told.length} of ${good.length} records were told`)
    for (const [at, answer] of told.entries()) {
      const key = `${generation}/what ${good[at]} was told`
      const other = this.shown.get(key)
      if (other !== undefined && other !== String(answer)) this.broken(`3: ${key} is ${answer} and ${other} in state`)
      this.shown.set(key, String(answer))
    }
  }

  private checkLetter({ origin, step }: DeadLetter, progress: Progress): void {
    const v = this.paths.valueOf(origin)
    const key = `${step} ${v}`
    progress.letters.set(key, (progress.letters.get(key) ?? 0) + 1)
    const refused = offeredOf(step, v).filter((i) => refuses(step, v, i)).length
    if ((progress.letters.get(key) ?? 0) > refused) this.broken(`1: more letters than ${step} has refused of ${v}`)
  }

  /** Whatever a ledger has refused, its letter is there before the ledger has passed it (PROTOCOL 5). */
  private checkLetters(generation: number, path: readonly number[], end: string, sink: string): void {
    const letters = this.setting.ledgers.find(({ id }) => id === LETTERS)
    if (letters === undefined || sink === LETTERS || letters.newest?.owner.generation !== generation) return
    for (const [v, i] of reference(path, sink)) {
      if (!refuses(sink, v, i)) continue
      const due = offeredOf(sink, v).filter((n) => refuses(sink, v, n)).length
      const there = this.seen.get(letters)?.letters.get(`${sink} ${v}`) ?? 0
      if (there !== due) this.broken(`5 (letters): ${there} of ${due} letters of record ${v}, checkpoint at ${end}`)
    }
  }

  /** What has no ledger holds everything by the checkpoint, but for what it refuses. */
  private checkTarget(generation: number, path: readonly number[], end: string): void {
    const { target } = this.setting
    if (target === null) return
    for (const [v, i] of reference(path, target.id)) {
      if (refuses(target.id, v, i) || target.held.has(`${v}.${i}`)) continue
      this.broken(`8: checkpoint at ${end}, and ${target.id} does not have ${v}.${i}`)
    }
    this.checkLetters(generation, path, end, target.id)
  }

  private checkShown(generation: number, { v, i, now, random, answer }: SimOutput): void {
    const key = `${generation}/${v}.${i}`
    const shown = `${now} ${random} ${answer}`
    const other = this.shown.get(key)
    if (other !== undefined && other !== shown) this.broken(`2: ${key} shows ${shown} and ${other}`)
    this.shown.set(key, shown)
  }

  private commitText(ledger: SimLedger, { receipt, outputs }: Commit): string {
    const ids = outputs.map((output) => this.idOf(ledger, output).join('.')).join(' ')
    const epoch = receipt.epoch === null ? '' : ` epoch ${receipt.epoch}`
    const { seq, owner, positions } = receipt
    return `  ${ledger.id} seq ${seq} of ${ownerText(owner)}${epoch} at ${placeText(positions)}: ${ids}`
  }

  private idOf(ledger: SimLedger, output: unknown): readonly [v: number, i: number] {
    if (ledger.id === LETTERS) return [this.paths.valueOf((output as DeadLetter).origin), 0]
    // Timers are named by what came before them: there is no record of theirs.
    if (isTimer(output as object)) return [(output as SimTimer).after, -(output as SimTimer).nth]
    const { v, i } = output as SimOutput
    return [v, i]
  }
}

/** What a ledger holds of the generation at hand. */
class Progress {
  last: Receipt | null = null
  /** Offered, refused ones included. */
  count = 0
  /** Timers. */
  fired = 0
  readonly names = new Set<string>()
  digest = new ChainedDigest()
  /** Rejection letters by sink and record. */
  readonly letters = new Map<string, number>()

  restart(): void {
    this.count = 0
    this.fired = 0
    this.names.clear()
    this.letters.clear()
    this.digest = new ChainedDigest()
  }
}

/** By (generation, incarnation, claim); not the engine's, whose mistake would not show. */
const compareOwners = (a: Owner, b: Owner): number =>
  a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim

const ownerText = ({ generation, incarnation, claim }: Owner): string => `(${generation}, ${incarnation}, ${claim})`

/** Of one source its position, of two both. */
export const placeText = (positions: Positions): string => Object.values(positions).join('/')
