import type { EventTime } from '../definition/marks.js'
import type { StatefulStep } from '../definition/stateful-step.js'
import { keyedState, type StateSettings } from './keyed-state.js'
import { refusePromise } from './promise.js'
import { stateKeyOf } from './state-key.js'
import { KeyHandle, StepCtx } from './stateful-context.js'
import { type DueTimer, StepTimers } from './step-timers.js'
import { flowOf, type Push, type Step, type StepFlow } from './step.js'

type AnyStatefulStep = StatefulStep<unknown, unknown, EventTime, unknown, unknown, unknown>

/** State and timers of the user's own. `timed`: there is event time before it. */
export function statefulStep(
  { init, onRecord, onTimer }: AnyStatefulStep,
  settings: StateSettings,
  timed: boolean,
): Step {
  return {
    kind: 'stateful',
    ports: ['out'],
    deterministic: true,
    settings: { ttlMs: settings.ttlMs },
    code: [init, onRecord, onTimer].map(String).join('\n'),
    state: { version: settings.version },
    holds: 0,
    compile({ out }, runtime) {
      const { id, at, index, clock } = runtime
      const timers = new StepTimers(runtime, timed)
      const state = new KeyHandle(keyedState(runtime, 'values', settings), init)
      const stepCtx = new StepCtx(timers, clock)

      const handOn = (results: unknown, flow: StepFlow): void => {
        if (results instanceof Promise) refusePromise(id, results)
        if (!Array.isArray(results)) throw new TypeError(`step '${id}' must return an array`)
        for (const result of results as readonly unknown[]) {
          if (result instanceof Promise) {
            at[0] = index
            refusePromise(id, result)
          }
          out?.(result, flow)
        }
      }
      const move = (key: string, flow: StepFlow): void => {
        at[0] = index
        state.key = key
        state.now = flow.now
        timers.key = key
        stepCtx.flow = flow
      }
      const push: Push = (value, ctx) => {
        at[0] = index
        const flow = flowOf(ctx)
        move(stateKeyOf(ctx), flow)
        handOn(onRecord(value, state, stepCtx), flow)
      }
      const fire = (timer: DueTimer, flow: StepFlow): void => {
        if (onTimer === undefined) return
        const { key, name, clock: by } = timer
        move(key, flow)
        stepCtx.timer = { name, at: timer.at, clock: by }
        const { keyText, typedKey, eventTime } = flow
        flow.keyText = key
        flow.typedKey = runtime.keyFrom(key)
        flow.eventTime = by === 'event' ? timer.at : flow.now
        try {
          handOn(onTimer(state, stepCtx), flow)
        } finally {
          flow.keyText = keyText
          flow.typedKey = typedKey
          flow.eventTime = eventTime
        }
      }
      if (timed) runtime.onWatermark((flow) => timers.fire('event', clock.watermark, (timer) => fire(timer, flow)))
      runtime.onEpochStart(
        (flow) => timers.fire('processing', flow.now, (timer) => fire(timer, flow)),
        () => timers.nextProcessing,
      )
      return [push]
    },
  }
}
