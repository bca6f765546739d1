import type { SourceRecord } from '../definition/source.js'
import type { Push, StepFlow } from '../steps/step.js'
import type { EpochMs } from '../units.js'

/** A value on its way to what takes values in the order of records: an outlet, or a step with state. */
interface Kept {
  readonly push: Push
  readonly value: unknown
  readonly marks: Marks | null
}

/** What steps have said of a value, where it isn't what its record says. */
interface Marks {
  /** Undefined: the key is the record's. */
  readonly key: unknown
  readonly text: string | null
  readonly eventTime: EpochMs | undefined
}

function marksOf(flow: StepFlow): Marks | null {
  const { typedKey, eventTime } = flow
  if (typedKey === undefined && eventTime === undefined) return null
  return { key: typedKey, text: typedKey === undefined ? null : flow.keyText, eventTime }
}

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
  private readonly marks: Marks | null

  constructor(traversal: Traversal, path: string, marks: Marks | null = null) {
    this.traversal = traversal
    this.path = path
    this.marks = marks
  }

  /** For what comes behind all that is here: the names of calls go on. */
  renewed(): Frame {
    const frame = new Frame(this.traversal, this.path)
    frame.calls = this.calls
    return frame
  }

  keep(push: Push, value: unknown, flow: StepFlow): void {
    this.parts.push({ push, value, marks: marksOf(flow) })
  }

  /** `flow` has come (back) to the record: here key and time are those that the steps so far have given. */
  enter(flow: StepFlow): void {
    use(this.marks, flow)
  }

  get empty(): boolean {
    return this.parts.length === 0
  }

  /** The place of a call that is made here. Its name depends on nothing but what was called here before. */
  child(step: string, flow: StepFlow): Frame {
    this.calls ??= new Map()
    const nth = this.calls.get(step) ?? 0
    this.calls.set(step, nth + 1)
    const frame = new Frame(this.traversal, `${this.path}-${step}-${nth}`, marksOf(flow))
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
    const { typedKey, keyText, eventTime } = flow
    for (const part of this.parts) {
      if (part instanceof Frame) part.emit(flow)
      else if (part.marks === null) part.push(part.value, flow)
      else {
        use(part.marks, flow)
        part.push(part.value, flow)
        flow.typedKey = typedKey
        flow.keyText = keyText
        flow.eventTime = eventTime
      }
    }
  }
}

function use(marks: Marks | null, flow: StepFlow): void {
  if (marks === null) return
  flow.eventTime = marks.eventTime
  if (marks.key === undefined) return
  flow.typedKey = marks.key
  flow.keyText = marks.text
}

/** One record on its way through steps of which some are waited for. Nothing of it reaches an outlet before all is there. */
export class Traversal {
  readonly record: SourceRecord<unknown>
  /** Of what there is since the last `turn`. */
  root: Frame
  /** How often what there was has been handed on. */
  turns = 0
  /** Calls that have not come back, and come to their end behind the lane. */
  pending = 0
  /** It is a bad record. */
  failed = false
  /** Nothing more is to come of it, whatever it was. */
  over = false

  /** `path` begins the names of its calls: '' for a record, `~t3` for what is due at the start of epoch 3. */
  constructor(record: SourceRecord<unknown>, path = '') {
    this.record = record
    this.root = new Frame(this, path)
  }

  get done(): boolean {
    return this.pending === 0
  }

  /** What there is by now, to be handed on; what comes of that is gathered apart. */
  turn(): Frame {
    const { root } = this
    this.root = root.renewed()
    this.turns++
    return root
  }

  get failure(): Failure | null {
    return this.failed ? this.root.firstFailure() : null
  }
}
