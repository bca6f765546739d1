import type { AsyncContext, StepContext } from '../definition/context.js'

/** Hands one value to whatever comes next. `ctx` is one reused object per task: valid during the call only. */
export type Push = (value: unknown, ctx: StepContext<unknown>) => void

/** What a compiled step may use of the task it runs in. Keyed state and timers will join here. */
export interface StepRuntime {
  /** The step's id, unique in the pipeline. */
  readonly id: string
  /**
   * Where the task is just now: a step stores `index` in `at[0]` before it calls user code, so that failures and stalls
   * can name it. Shared memory: a watching thread reads it while user code blocks this one.
   */
  readonly at: Int32Array
  readonly index: number
  /** Makes the way through a function that is waited for. Not there in stages whose steps are all deterministic. */
  readonly lane?: LaneMaker
}

/** A function that is waited for, as a step hands it to the engine. Milliseconds. */
export interface LaneSettings {
  readonly concurrency: number
  readonly timeoutMs: number
  readonly attempts: number
  readonly initialMs: number
  readonly maximumMs: number
}

export interface LaneSpec extends LaneSettings {
  readonly id: string
  readonly index: number
  readonly fn: (value: unknown, ctx: AsyncContext<unknown>) => unknown
}

/** Values put into the lane come to `out` as what `fn` makes of them, in their order. */
export type LaneMaker = (spec: LaneSpec, out: Push) => Push

/**
 * One operator, as the graph holds it: what it is, and how it becomes code. A step knows no sink, no source and no
 * Temporal; a failure of user code simply throws.
 */
export interface Step {
  /** 'map', 'filter', … */
  readonly kind: string
  /** Names of its outputs: `['out']`, or a branch's names in their order. */
  readonly ports: readonly string[]
  /** False: results may differ per attempt (`asyncMap`). */
  readonly deterministic: boolean
  /** What of its options changes results: goes into the plan fingerprint. JSON only. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Source text of its functions: tells changed code where the worker has no build id. */
  readonly code?: string
  /** One `Push` per input, given one per output port. Called once per session. */
  compile(out: Readonly<Record<string, Push>>, runtime: StepRuntime): readonly Push[]
}
