import type { StepContext } from '../definition/context.js'
import type { SourceRecord } from '../definition/source.js'
import type { Push } from '../steps/step.js'

/** A value at the end of the steps, on its way to the outlet that `push` leads to. */
interface Kept {
  readonly push: Push
  readonly value: unknown
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

  constructor(traversal: Traversal, path: string) {
    this.traversal = traversal
    this.path = path
  }

  keep(push: Push, value: unknown): void {
    this.parts.push({ push, value })
  }

  /** The place of a call that is made here. Its name depends on nothing but what was called here before. */
  child(step: string): Frame {
    this.calls ??= new Map()
    const nth = this.calls.get(step) ?? 0
    this.calls.set(step, nth + 1)
    const frame = new Frame(this.traversal, `${this.path}-${step}-${nth}`)
    this.parts.push(frame)
    return frame
  }

  emit(ctx: StepContext<unknown>): void {
    for (const part of this.parts) {
      if (part instanceof Frame) part.emit(ctx)
      else part.push(part.value, ctx)
    }
  }
}

/** One record on its way through steps of which some are waited for. Nothing of it reaches an outlet before all is there. */
export class Traversal {
  readonly record: SourceRecord<unknown>
  readonly root: Frame
  /** Calls that have not come back, and come to their end behind the lane. */
  pending = 0
  /** What made it a bad record first, and what `at[0]` was then. */
  failure: { readonly error: unknown; readonly at: number } | null = null

  constructor(record: SourceRecord<unknown>) {
    this.record = record
    this.root = new Frame(this, '')
  }

  get done(): boolean {
    return this.pending === 0
  }

  fail(error: unknown, at: number): void {
    this.failure ??= { error, at }
  }
}
