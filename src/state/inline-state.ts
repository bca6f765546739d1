import { StateTooLarge } from '../errors/state.js'
import type { TaskAt } from '../errors/ownership.js'
import type { StateChange, StateMark } from '../protocol/checkpoint.js'
import { keeping } from './keepable.js'
import type { StateKeeper } from './state-keeper.js'
import type { StepStates } from './step-states.js'

/** Deltas beside a smaller snapshot than that aren't worth another one. */
const SLACK_BYTES = 16 * 1024

/**
 * State that lies in workflow history: a snapshot and deltas behind it. Deltas are replaced by a new snapshot when they
 * outgrow it, so that what a run carries to the next is at most twice the state, and never more than the limit.
 */
export class InlineState implements StateKeeper {
  readonly ready = true
  readonly trouble = null
  private readonly states: StepStates
  private readonly limit: number
  private readonly task: TaskAt
  /** Compressed bytes of each segment that history has. */
  private sizes: readonly number[]
  private rewrites: boolean

  constructor(options: {
    readonly states: StepStates
    readonly recorded: StateMark | undefined
    /** Bytes, compressed. */
    readonly limit: number
    readonly task: TaskAt
    /** History has entries of no step: the next checkpoint is to have a snapshot without them. Default false. */
    readonly rewrites?: boolean
  }) {
    this.states = options.states
    this.limit = options.limit
    this.task = options.task
    this.rewrites = options.rewrites ?? false
    this.sizes = (options.recorded?.segments ?? []).map((segment) =>
      'data' in segment ? Buffer.byteLength(segment.data, 'base64') : segment.bytes,
    )
  }

  tend(): void {}

  async capture(): Promise<StateChange | undefined> {
    const { states, limit, sizes } = this
    const delta = keeping(this.task, () => states.delta())
    if (delta === null && !this.rewrites) return undefined
    const [base = 0] = sizes
    const total = sizes.reduce((sum, size) => sum + size, delta?.length ?? 0)
    const fits = !this.rewrites && total <= limit && total <= 2 * base + SLACK_BYTES
    const segment = fits && delta !== null ? delta : states.snapshot()
    if (segment.length > limit) throw new StateTooLarge({ ...this.task, bytes: segment.length, limit })
    this.sizes = fits ? [...sizes, segment.length] : [segment.length]
    this.rewrites = false
    states.settled()
    const data = Buffer.from(segment).toString('base64')
    return { add: [{ data }], drop: fits ? 0 : sizes.length, versions: states.versions }
  }

  async close(): Promise<void> {}
}
