import type { SegmentStore } from '../definition/state-backend.js'
import { reasonOf } from '../errors/base.js'
import type { RecordError } from '../errors/families.js'
import { DecodeFailed, KeyNotInPartition, RecordRejected, StepFailed, StepTimeout } from '../errors/record.js'
import { StateCorrupt } from '../errors/state.js'
import type { TaskAt } from '../errors/ownership.js'
import { blobOf, rawOf } from '../state/blob.js'
import { StoreLink } from '../state/store-link.js'
import { valueCodec } from '../state/value-codec.js'

/** What a call came to, as text: its result, or the error of its record. */
type Outcome = { readonly value: string } | { readonly code: string; readonly details: string }

/** A call: its name among those of its epoch, how it is made, and its failure as an error of its record. */
export interface Asked {
  readonly name: string
  readonly ask: () => Promise<unknown>
  readonly errorOf: (thrown: unknown) => RecordError
}

/** A segment of the store: what was asked for since the one before it. */
interface Part {
  readonly before: string | null
  readonly epoch: number
  /** Of this session alone: no two attempts come to one key. */
  readonly by: string
  readonly outcomes: readonly (readonly [name: string, outcome: Outcome])[]
}

export interface AnswersOptions {
  readonly store: SegmentStore
  /** What the backend is, for errors. */
  readonly describe: string
  readonly task: TaskAt
  /** Of this session alone. */
  readonly tag: string
  readonly warn: (message: string) => void
  /** Told once that nothing can be stored, when it has lasted: no commit gets past it. */
  readonly tell: (trouble: Error) => void
  /** Aborts when the session ends: nothing is waited for any more. */
  readonly signal: AbortSignal
}

/** That many characters of answers are kept at most, about: then the epoch ends. */
const MOST_CHARS = 16 * 1024 * 1024

/** Trouble that lasts longer is told. */
const TROUBLE_MS = 3_000

/** Errors of a record, by code: made again, they say the same. */
const errors: Readonly<Record<string, (details: never) => RecordError>> = {
  DecodeFailed: (details) => new DecodeFailed(details),
  KeyNotInPartition: (details) => new KeyNotInPartition(details),
  RecordRejected: (details) => new RecordRejected(details),
  StepFailed: (details) => new StepFailed(details),
  StepTimeout: (details) => new StepTimeout(details),
}

/**
 * What the calls of an epoch came to. It is stored before any ledger commits what was made of it, under keys that are never
 * written again; the receipt names the newest segment, and that the one before it. Whoever executes the epoch again takes from
 * there what was asked for below P*, so that all ledgers come to hold the same (PROTOCOL §6).
 */
export class Answers {
  /** The newest segment of the epoch; null: nothing was asked for yet. */
  head: string | null = null
  private epoch = 0
  private readonly known = new Map<string, Outcome>()
  private chars = 0
  private fresh: (readonly [string, Outcome])[] = []
  /** Segments of the epoch, and of those before it. */
  private keys: string[] = []
  private readonly options: AnswersOptions
  private readonly link: StoreLink
  private tidying: Promise<void> = Promise.resolve()

  constructor(options: AnswersOptions) {
    this.options = options
    this.link = new StoreLink(options)
    options.signal.addEventListener('abort', () => this.link.close(), { once: true })
  }

  /** The epoch had better end: what is asked for further is for the next. */
  get full(): boolean {
    return this.chars >= MOST_CHARS
  }

  /**
   * What ledgers hold the results of: the segments that their receipts name, and those before these. Receipts of one epoch name
   * segments of one chain, for each session begins with all that the one before has committed. Throws `StateCorrupt`, and what
   * the store fails with.
   */
  async restore(epoch: number, heads: Iterable<string>): Promise<void> {
    const { store } = this.options
    this.epoch = epoch
    const parts: Part[] = []
    for (const head of heads) {
      const newer: Part[] = []
      for (
        let key: string | null = head;
        key !== null && !this.keys.includes(key);
        key = newer.at(-1)?.before ?? null
      ) {
        if (newer.length === 0) this.head = head
        this.keys.push(key)
        newer.push(await this.read(key))
      }
      parts.push(...newer.toReversed())
    }
    // The oldest first: what was asked for twice was used as it was known first.
    for (const part of parts) for (const [name, outcome] of part.outcomes) this.know(name, outcome)
    // Needed until the checkpoint, however long ago it was written.
    if (this.keys.length > 0) await store.touch(this.keys)
  }

  /**
   * Segments that receipts of recorded epochs name, and those before them: nobody needs them any more. In a session's last epoch
   * they are left behind, for there is no next one to clear them away.
   */
  forget(heads: Iterable<string>): void {
    for (const head of new Set(heads)) this.tidying = this.tidying.then(() => this.forgetFrom(head))
  }

  /** Another epoch: what was asked for in the one before is in history, as far as it matters. */
  begin(epoch: number): void {
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.head = null
    this.known.clear()
    this.fresh = []
    this.chars = 0
    const gone = this.keys.splice(0)
    this.tidying = this.tidying.then(() => this.tidy(gone))
  }

  /**
   * What the call of that name came to in this epoch, as whoever executes it again will find it; it is made if it wasn't yet.
   * Rejects as it has failed. `isWanted` false: its record is given up meanwhile, and nothing is kept.
   */
  async of(call: Asked, isWanted: () => boolean): Promise<unknown> {
    const { name } = call
    const known = this.known.get(name)
    if (known !== undefined) return valueOf(known)
    let outcome: Outcome
    try {
      const result = await call.ask()
      if (!isWanted()) return result
      outcome = { value: textOf(result) }
    } catch (error) {
      if (!isWanted()) throw error
      outcome = failureOf(call.errorOf(error))
    }
    this.know(name, outcome)
    this.fresh.push([name, outcome])
    return valueOf(outcome)
  }

  /** All that is known is durable; false: the session has ended before. Tries for as long as it takes. */
  async store(): Promise<boolean> {
    if (this.fresh.length === 0) return true
    const { epoch, head, fresh, options } = this
    const part: Part = { before: head, epoch, by: options.tag, outcomes: fresh }
    const { key, bytes } = await blobOf(Buffer.from(JSON.stringify(part)))
    const look = setInterval(() => {
      const { trouble } = this.link
      if (trouble === null) return
      options.tell(trouble)
      clearInterval(look)
    }, TROUBLE_MS)
    const put = this.link.until('store results of calls', () => options.store.put(key, bytes))
    if (!(await put.finally(() => clearInterval(look)))) return false
    this.keys.push(key)
    this.head = key
    this.fresh = []
    return true
  }

  async close(): Promise<void> {
    this.link.close()
    await this.tidying
    await this.options.store.close()
  }

  private async read(key: string): Promise<Part> {
    const { store, task } = this.options
    const bytes = await store.get(key)
    if (bytes === null)
      throw new StateCorrupt({ ...task, segment: key, answers: true }, new RangeError('it is not there'))
    try {
      return await partIn(key, bytes)
    } catch (error) {
      throw new StateCorrupt({ ...task, segment: key, answers: true }, error)
    }
  }

  private know(name: string, outcome: Outcome): void {
    if (this.known.has(name)) return
    this.known.set(name, outcome)
    this.chars += name.length + ('value' in outcome ? outcome.value : outcome.details).length
  }

  /** The oldest goes first: as long as any is there, a receipt leads to it. */
  private async forgetFrom(head: string): Promise<void> {
    const { store, signal } = this.options
    const gone: string[] = []
    try {
      for (let key: string | null = head; key !== null && !signal.aborted;) {
        const bytes: Uint8Array | null = await store.get(key)
        if (bytes === null) break
        gone.unshift(key)
        key = (await partIn(key, bytes)).before
      }
      for (const key of gone) await store.delete([key])
    } catch (error) {
      this.warnLeft(error)
    }
  }

  /** Nothing depends on it. */
  private async tidy(gone: readonly string[]): Promise<void> {
    try {
      if (gone.length > 0) await this.options.store.delete(gone)
    } catch (error) {
      this.warnLeft(error)
    }
  }

  private warnLeft(error: unknown): void {
    this.options.warn(`results of calls could not be cleared away: ${reasonOf(error)}`)
  }
}

const partIn = async (key: string, bytes: Uint8Array): Promise<Part> =>
  JSON.parse(Buffer.from(await rawOf({ key, bytes })).toString()) as Part

const textOf = (value: unknown): string => Buffer.from(valueCodec.encode(value)).toString()

function failureOf({ code, details, message }: RecordError): Outcome {
  try {
    return { code, details: textOf(details) }
  } catch {
    // Of what a user's own error carries not everything can be kept.
    const { pipeline, stage, origin, step, reason = message } = details
    return { code, details: textOf({ pipeline, stage, origin, step, reason }) }
  }
}

function valueOf(outcome: Outcome): unknown {
  if ('value' in outcome) return valueCodec.decode(Buffer.from(outcome.value))
  const make = errors[outcome.code] ?? errors['StepFailed']
  throw make?.(valueCodec.decode(Buffer.from(outcome.details)) as never) ?? new TypeError(outcome.code)
}
