import type { SourceRecord } from '../definition/source.js'
import type { Push, StepFlow } from '../steps/step.js'

/** A value at the end of the steps, on its way to the outlet that `push` leads to. */
interface Kept {
  readonly push: Push
  readonly value: unknown
  readonly key: NewKey | null
}

/** The key that a step has given, where it isn't the record's. */
interface NewKey {
  readonly typed: unknown
  readonly text: string | null
}

const keyIn = ({ typedKey, keyText }: StepFlow): NewKey | null =>
  typedKey === undefined ? null : { typed: typedKey, text: keyText }

/** What made a record a bad one, and what `at[0]` was then. */
interface Failure {
  readonly error: unknown
  readonly at: number
}

/**
 * What comes of a record, or of one call, in the order in which it would come if nobody had to wait: outputs, and
 * frames of calls in the places where these were made.
 */
export class Frame {
  readonly traversal: Traversal
  /** Names it among its record's: '' for the record itself, `-score-0` behind the first call of step 'score'. */
  readonly path: string
  private readonly parts: (Frame | Kept)[] = []
  private calls: Map<string, number> | undefined
  /** Behind all parts: nothing more is made here. */
  private failure: Failure | null = null

  /** Of what goes on here. */
  private readonly key: NewKey | null

  constructor(traversal: Traversal, path: string, key: NewKey | null = null) {
    this.traversal = traversal
    this.path = path
    this.key = key
  }

  keep(push: Push, value: unknown, flow: StepFlow): void {
    this.parts.push({ push, value, key: keyIn(flow) })
  }

  /** `flow` has come (back) to the record: here its key is the one that the steps so far have given. */
  enter(flow: StepFlow): void {
    use(this.key, flow)
  }

  /** The place of a call that is made here. Its name depends on nothing but what was called here before. */
  child(step: string, flow: StepFlow): Frame {
    this.calls ??= new Map()
    const nth = this.calls.get(step) ?? 0
    this.calls.set(step, nth + 1)
    const frame = new Frame(this.traversal, `${this.path}-${step}-${nth}`, keyIn(flow))
    this.parts.push(frame)
    return frame
  }

  fail(error: unknown, at: number): void {
    this.failure ??= { error, at }
    this.traversal.failed = true
  }

  get failed(): boolean {
    return this.failure !== null
  }

  /** Of all failures the one that would have come first if nobody had waited. */
  firstFailure(): Failure | null {
    for (const part of this.parts) {
      const failure = part instanceof Frame ? part.firstFailure() : null
      if (failure !== null) return failure
    }
    return this.failure
  }

  emit(flow: StepFlow): void {
    const { typedKey, keyText } = flow
    for (const part of this.parts) {
      if (part instanceof Frame) part.emit(flow)
      else if (part.key === null) part.push(part.value, flow)
      else {
        use(part.key, flow)
        part.push(part.value, flow)
        flow.typedKey = typedKey
        flow.keyText = keyText
      }
    }
  }
}

function use(key: NewKey | null, flow: StepFlow): void {
  if (key === null) return
  flow.typedKey = key.typed
  flow.keyText = key.text
}

/** One record on its way through steps of which some are waited for. Nothing of it reaches an outlet before all is there. */
export class Traversal {
  readonly record: SourceRecord<unknown>
  readonly root: Frame
  /** Calls that have not come back, and come to their end behind the lane. */
  pending = 0
  /** It is a bad record. */
  failed = false

  constructor(record: SourceRecord<unknown>) {
    this.record = record
    this.root = new Frame(this, '')
  }

  get done(): boolean {
    return this.pending === 0
  }

  get failure(): Failure | null {
    return this.failed ? this.root.firstFailure() : null
  }
}
