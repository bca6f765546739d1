import type { AsyncContext, StepContext } from '../definition/context.js'
import type { Sender } from '../definition/source.js'
import type { RepartitionSettings } from './repartition.js'
import type { StateTable, TableOptions } from '../state/table.js'
import type { EpochMs } from '../units.js'

/**
 * `ctx` as steps see it: one reused object per task, moved from record to record. A step that hands on a value with
 * another key or time than its record's sets them for that call, and sets them back.
 */
export interface StepFlow extends StepContext<unknown> {
  /** The key's bytes, one per UTF-16 code unit; null where there is none. What state is kept under. */
  keyText: string | null
  /** The key of the value under way; undefined: the record's. */
  typedKey: unknown
  /** Event time of the value under way; undefined: the record's. */
  eventTime: EpochMs | undefined
  /** On the way to another stage: how far event time has come. */
  watermark?: EpochMs | undefined
  /** Of a record that another stage has written. */
  readonly sender?: Sender | undefined
}

/** Hands one value to whatever comes next. `ctx` is valid during the call only. */
export type Push = (value: unknown, ctx: StepContext<unknown>) => void

/** What `ctx` is inside a task: there is one for all steps. */
export const flowOf = (ctx: StepContext<unknown>): StepFlow => ctx as StepFlow

/** How far event time has come at some step: no value with an earlier or equal time is expected. */
export interface Clock {
  /** -Infinity before the first value, Infinity at the end of a bounded run. */
  readonly watermark: EpochMs
  /** Nothing has come for so long that it holds nobody back: see `idleAfter`. */
  readonly idle?: boolean
}

/** What a compiled step may use of the task it runs in. */
export interface StepRuntime {
  /** The step's id, unique in the pipeline. */
  readonly id: string
  /**
   * Where the task is just now: a step stores `index` in `at[0]` before it calls user code, so that failures and stalls
   * can name it. Shared memory: a watching thread reads it while user code blocks this one.
   */
  readonly at: Int32Array
  readonly index: number
  /** Keyed state of this step: part of every checkpoint. Names are unique in the step and, like its id, never change. */
  table<V>(name: string, options?: TableOptions<V>): StateTable<V>
  /** Event time of what the step reads: the least of all `eventTime` steps before it. */
  readonly clock: Clock
  /** The typed key of which `text` are the bytes. */
  keyFrom(text: string): unknown
  /** `fire` is called when `clock` has moved, after the record that moved it, in the order of the steps. */
  onWatermark(fire: (ctx: StepFlow) => void): void
  /**
   * `fire` is called at the start of epochs, before their first record. `due`: when it has something to do next, or null.
   * `wakes`, by default true: an epoch has to start for it then.
   */
  onEpochStart(fire: (ctx: StepFlow) => void, due: () => EpochMs | null, wakes?: boolean): void
  /** Of an `eventTime` step: a value of that time has come. The clock moves behind the record. */
  observe(time: EpochMs, ctx: StepContext<unknown>): void
  /** A value has come too late for the step: counted. */
  tooLate(): void
  /** Makes the way through a function that is waited for. Not there in stages whose steps are all deterministic. */
  readonly lane?: LaneMaker
  /** Of a step behind which the key is another: throws for one that belongs to another partition. */
  mustBeHere(key: Uint8Array): void
}

/** State of a step over the time that its code changes. */
export interface StepState {
  /** Default 1. */
  readonly version: number
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
  /** Present where the step keeps state. */
  readonly state?: StepState
  /** Of an `eventTime` step: how far out of order values may come, in ms. */
  readonly maxDisorder?: number
  /** Of an `eventTime` step: for so many ms nothing has to come before its clock counts as idle; null: it never does. */
  readonly idleAfter?: number | null
  /**
   * Of a step that hands on values in `onWatermark`: how many ms their times may be behind the watermark that let them
   * through. The clock of the steps behind it stays back by as much.
   */
  readonly holds?: number
  /** Outputs that nobody has to use. */
  readonly sidePorts?: readonly string[]
  /** Of a step behind which the key is another: the typed key of bytes. */
  readonly decodeKey?: (bytes: Uint8Array) => unknown
  /** Of a step behind which a new stage begins: what lies between. */
  readonly repartition?: RepartitionSettings
  /** One `Push` per input, given one per output port. Called once per session. */
  compile(out: Readonly<Record<string, Push>>, runtime: StepRuntime): readonly Push[]
}
