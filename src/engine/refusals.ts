import type { OnError } from '../definition/blueprint.js'
import type { Receipt } from '../definition/sink.js'
import { RecordRejected } from '../errors/record.js'
import { deadLetterOf, recordErrorOf, verdictOn } from './bad-record.js'
import { RecordOutput } from './flow.js'
import type { EngineHost } from './host.js'
import { type Outlet, OutputItem, type OutletSink } from './outlet.js'

/** One item that a sink has refused: [sink, item id]. */
export type Rejection = Receipt['rejections'][number]

/** Characters of the list at which the epoch ends (PROTOCOL §5). */
const FULL = 2_500
/** What a commit that goes beyond may still add: a receipt has 4,096 characters for all it says. */
const MOST = 3_200

interface Entry {
  readonly rejection: Rejection
  /** Null where an earlier attempt has refused it, and it has not been offered again yet. */
  item: OutputItem | null
}

/**
 * What sinks have refused since the checkpoint, and what becomes of it: `onError` decides, as on any bad record. The list
 * is in every receipt, since a refusal can't be made again by re-execution: a retry obeys it (PROTOCOL §5).
 */
export class Refusals {
  /** Left out, and made dead letters, since the checkpoint; what earlier attempts did counts when it is offered again. */
  skipped = 0
  deadLettered = 0
  /** There are letters that their ledger has not committed yet: it has to before any other. */
  pending = false
  private entries: Entry[] = []
  private chars = 0
  private letters: { readonly outlet: Outlet; readonly sink: OutletSink } | null = null
  private readonly onError: OnError
  private readonly log: EngineHost['log']

  constructor(onError: OnError, log: EngineHost['log']) {
    this.onError = onError
    this.log = log
  }

  /** As receipts have it. */
  get list(): readonly Rejection[] {
    return this.entries.map(({ rejection }) => rejection)
  }

  get full(): boolean {
    return this.chars >= FULL
  }

  /** How many more items may be refused before the list is full, each of an entry of so many characters. */
  roomFor(chars: number): number {
    return Math.floor((FULL - this.chars) / chars)
  }

  /** Where dead letters go: the outlet of their sink; null where `onError` has none. */
  get outlet(): Outlet | null {
    return this.letters?.outlet ?? null
  }

  /** Whether letters are kept in a ledger: then they are never written again, whatever is. */
  get lasts(): boolean {
    return this.letters?.sink.sink.mode === 'transactional'
  }

  sendTo(outlet: Outlet, sink: OutletSink): void {
    this.letters = { outlet, sink }
  }

  /**
   * What receipts of earlier attempts list, but for what is before the checkpoint: also those of an epoch that is recorded,
   * since an attempt may have gone further than the one that was. `outlets` drop it when it is offered to them again; what is
   * adopted never is.
   */
  restore(
    lists: readonly (readonly Rejection[])[],
    outlets: readonly Outlet[],
    isDone: (itemId: string) => boolean,
    isAdopted: (itemId: string) => boolean,
  ): void {
    const obeyed = new Map<string, Entry>()
    for (const rejection of lists.flat()) {
      const key = keyOf(...rejection)
      if (obeyed.has(key) || isDone(rejection[1])) continue
      if (isAdopted(rejection[1])) {
        this.count()
        continue
      }
      const entry = { rejection, item: null }
      obeyed.set(key, entry)
      this.add(entry)
    }
    if (obeyed.size === 0) return
    const obey = (item: OutputItem): boolean => {
      const entry = obeyed.get(keyOf(item.sink, item.id))
      if (entry === undefined) return false
      entry.item = item
      this.count()
      return true
    }
    for (const outlet of outlets) outlet.obeyed = obey
  }

  /** A checkpoint has counted what is done by it: no attempt goes back behind it. */
  clear(isDone: (itemId: string) => boolean): void {
    const ahead = this.entries.filter(({ rejection }) => !isDone(rejection[1]))
    this.entries = []
    this.chars = 0
    for (const entry of ahead) this.add(entry)
    this.skipped = 0
    this.deadLettered = 0
  }

  /**
   * Does as `onError` says of one item: throws `RecordRejected` where the pipeline fails on it. False: the list has no
   * room for it before more is committed, and nothing has been done.
   */
  refuse(item: OutputItem, reason: string, cause?: unknown): boolean {
    const { output } = item
    const { pipeline, stage } = output.place
    const error = new RecordRejected({ pipeline, stage, origin: output.origin, step: item.sink, reason }, cause)
    // A letter that is refused has nowhere else to go.
    if (this.letters?.sink.id === item.sink) throw error
    const verdict = this.verdictOn(error, item)
    if (verdict === 'fail') throw error
    const entry = { rejection: [item.sink, item.id] as const, item }
    // Without a ledger on either side nothing lasts: it is offered, and refused, again.
    const lasts = item.mode === 'transactional' || this.lasts
    if (lasts && !this.hasRoomFor(entry)) return false
    if (verdict === 'deadLetter') {
      this.slip(error, item)
      this.deadLettered++
    } else {
      this.skipped++
      this.log.warn(error.message, { code: error.code, skipped: true })
    }
    if (lasts) this.add(entry)
    item.refused = true
    return true
  }

  private count(): void {
    if (this.onError.kind === 'deadLetter') this.deadLettered++
    else this.skipped++
  }

  private verdictOn(error: RecordRejected, { output, sink }: OutputItem): ReturnType<typeof verdictOn> {
    try {
      return verdictOn(this.onError, error, output, sink)
    } catch (failure) {
      throw recordErrorOf(failure, output, this.letters?.sink.id ?? sink)
    }
  }

  /** The letter's id is made of the item's: the same whenever and in whatever order items are refused. */
  private slip(error: RecordRejected, { output, sink: from }: OutputItem): void {
    if (this.letters === null) return
    const { outlet, sink } = this.letters
    try {
      const letter = new RecordOutput(deadLetterOf(error, output, from), output, `${output.index}-${from}`)
      outlet.slip(new OutputItem(sink, sink.sink.encode(letter), letter, 'unchained'))
    } catch (failure) {
      throw recordErrorOf(failure, output, sink.id)
    }
    this.pending = true
  }

  private hasRoomFor(entry: Entry): boolean {
    if (this.chars + lengthOf(entry) <= MOST) return true
    // What its ledger has committed past is muted by position from now on.
    const needed = this.entries.filter(({ item }) => item?.passed !== true)
    this.entries = []
    this.chars = 0
    for (const one of needed) this.add(one)
    return this.chars + lengthOf(entry) <= MOST
  }

  private add(entry: Entry): void {
    this.entries.push(entry)
    this.chars += lengthOf(entry)
  }
}

const keyOf = (sink: string, itemId: string): string => `${sink} ${itemId}`
const lengthOf = ({ rejection }: Entry): number => JSON.stringify(rejection).length + 1
