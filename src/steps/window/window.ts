import { type AnyAggregator, planOf } from '../../definition/aggregator.js'
import type { StepContext } from '../../definition/context.js'
import type { EpochMs } from '../../units.js'
import type { StateSettings } from '../keyed-state.js'
import { refusePromise } from '../promise.js'
import { stateKeyOf } from '../state-key.js'
import { flowOf, type Push, type Step, type StepFlow, type StepRuntime } from '../step.js'
import { FixedWindows } from './fixed-windows.js'
import { SessionWindows } from './session-windows.js'
import { SlidingWindows } from './sliding-windows.js'

/** Checked windows, all in whole ms. `tumbling` is hopping by its own size. */
export type WindowShape =
  | { readonly kind: 'fixed'; readonly size: number; readonly every: number; readonly offset: number }
  | { readonly kind: 'sliding'; readonly size: number }
  | { readonly kind: 'session'; readonly gap: number }

export interface WindowSettings {
  readonly over: WindowShape
  readonly graceMs: number
  readonly emit: 'final' | 'updates'
  readonly state: Pick<StateSettings, 'version' | 'migrate'>
}

/** What windows of one kind do with values and time. */
export interface Windows {
  /** False: all windows of the value have closed, and it left no trace. */
  add(key: string, time: EpochMs, value: unknown, ctx: StepContext<unknown>): boolean
  /** Closes what the watermark has passed: in the order of (end, key). */
  close(watermark: EpochMs, flow: StepFlow): void
}

/** What windows of one kind are made with. */
export interface WindowParts {
  readonly runtime: StepRuntime
  readonly aggregator: AnyAggregator
  readonly graceMs: number
  readonly migrate: StateSettings['migrate']
  /** Takes a window's result for a value of it, where each counts. */
  readonly update: ((key: string, start: EpochMs, end: EpochMs, acc: unknown, ctx: StepContext<unknown>) => void) | null
  /** Takes the result of a window that closes; null: nothing is asked then. */
  readonly final: ((key: string, start: EpochMs, end: EpochMs, acc: unknown, flow: StepFlow) => void) | null
}

/** Results per key and window of event time, at the port `out`; values whose windows have closed at `late`. */
export function windowStep(aggregator: AnyAggregator, { over, graceMs, emit, state }: WindowSettings): Step {
  const plan = planOf(aggregator)
  return {
    kind: 'window',
    ports: ['out', 'late'],
    sidePorts: ['late'],
    deterministic: true,
    settings: { over, graceMs, emit, aggregator: plan.settings },
    code: plan.code,
    state: { version: state.version },
    holds: over.kind === 'session' ? graceMs + 1 : graceMs,
    compile({ out, late }, runtime) {
      const { id, at, index, clock } = runtime
      const settled = (acc: unknown): unknown => {
        if (acc instanceof Promise) refusePromise(id, acc)
        return acc
      }
      const { merge } = aggregator
      // Called on the user's own object: one of a class may have private fields.
      const own: AnyAggregator = {
        init: () => aggregator.init(),
        add: (acc, added) => settled(aggregator.add(acc, added)),
        result: (acc) => settled(aggregator.result(acc)),
        ...(merge !== undefined && { merge: (a, b) => settled(merge.call(aggregator, a, b)) }),
      }
      const handOn = (key: unknown, start: EpochMs, end: EpochMs, acc: unknown, flow: StepFlow): void => {
        at[0] = index
        const value = own.result(acc)
        const before = flow.eventTime
        flow.eventTime = end - 1
        try {
          out?.({ key, start, end, value }, flow)
        } finally {
          flow.eventTime = before
        }
      }
      const final: WindowParts['final'] = (key, start, end, acc, flow) => {
        const { keyText, typedKey } = flow
        flow.keyText = key
        flow.typedKey = runtime.keyFrom(key)
        try {
          handOn(flow.typedKey, start, end, acc, flow)
        } finally {
          flow.keyText = keyText
          flow.typedKey = typedKey
        }
      }
      const update: WindowParts['update'] = (_, start, end, acc, ctx) => handOn(ctx.key, start, end, acc, flowOf(ctx))
      const windows = windowsOf(over, {
        runtime,
        aggregator: own,
        graceMs,
        migrate: state.migrate,
        update: emit === 'updates' ? update : null,
        final: emit === 'final' ? final : null,
      })
      runtime.onWatermark((flow) => windows.close(clock.watermark, flow))
      const push: Push = (value, ctx) => {
        at[0] = index
        if (windows.add(stateKeyOf(ctx), ctx.timestamp, value, ctx)) return
        runtime.tooLate()
        late?.(value, ctx)
      }
      return [push]
    },
  }
}

function windowsOf(over: WindowShape, parts: WindowParts): Windows {
  switch (over.kind) {
    case 'fixed':
      return new FixedWindows(over, parts)
    case 'sliding':
      return new SlidingWindows(over.size, parts)
    case 'session': {
      const { merge } = parts.aggregator
      if (merge === undefined) throw new TypeError('a session window needs an aggregator with merge')
      return new SessionWindows(over.gap, parts, merge)
    }
  }
}
