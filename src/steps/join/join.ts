import type { StepContext } from '../../definition/context.js'
import type { JoinKind } from '../../definition/joins.js'
import type { EpochMs } from '../../units.js'
import { refusePromise } from '../promise.js'
import { stateKeyOf } from '../state-key.js'
import { flowOf, type Push, type Step, type StepFlow } from '../step.js'
import { JoinSide } from './join-side.js'

export type Combine = (left: unknown, right: unknown, ctx: StepContext<unknown>) => unknown

/** Whole ms. */
export interface JoinSettings {
  readonly how: JoinKind
  /** A right value meets left ones if it is at most so much earlier, */
  readonly beforeMs: number
  /** or so much later. */
  readonly afterMs: number
  readonly graceMs: number
}

/**
 * Values of two streams with one key whose times are near enough, each pair once, as the later of the two comes. Values that
 * meet none, where `how` asks for them, come when the watermark says that nothing can be missing any more. What is later
 * than `graceMs` goes to `lateLeft` or `lateRight`: so all that it would have met is still there for whatever is taken.
 */
export function joinStep(combine: Combine, settings: JoinSettings): Step {
  const { how, beforeMs, afterMs, graceMs } = settings
  const leftAlone = how !== 'inner'
  const rightAlone = how === 'outer'
  return {
    kind: 'join',
    ports: ['out', 'lateLeft', 'lateRight'],
    sidePorts: ['lateLeft', 'lateRight'],
    deterministic: true,
    settings: { how, beforeMs, afterMs, graceMs },
    code: String(combine),
    state: { version: 1 },
    holds: graceMs + Math.max(leftAlone ? afterMs : 0, rightAlone ? beforeMs : 0),
    compile({ out, lateLeft, lateRight }, runtime) {
      const { id, at, index, clock } = runtime
      const span = beforeMs + afterMs
      const form = `${how}/before:${beforeMs}/after:${afterMs}`
      const left = new JoinSide(runtime, 'left', { span, keptMs: afterMs + graceMs, form })
      const right = new JoinSide(runtime, 'right', { span, keptMs: beforeMs + graceMs, form })

      const handOn = (l: unknown, r: unknown, time: EpochMs, flow: StepFlow): void => {
        const before = flow.eventTime
        flow.eventTime = time
        try {
          at[0] = index
          const value = combine(l, r, flow)
          if (value instanceof Promise) refusePromise(id, value)
          out?.(value, flow)
        } finally {
          flow.eventTime = before
        }
      }
      const alone = (key: string, time: EpochMs, l: unknown, r: unknown, flow: StepFlow): void => {
        const { keyText, typedKey } = flow
        flow.keyText = key
        flow.typedKey = runtime.keyFrom(key)
        try {
          handOn(l, r, time, flow)
        } finally {
          flow.keyText = keyText
          flow.typedKey = typedKey
        }
      }
      const isLate = (time: EpochMs): boolean => time + graceMs <= clock.watermark
      const tooLate = (late: Push | undefined, value: unknown, ctx: StepContext<unknown>): void => {
        runtime.tooLate()
        late?.(value, ctx)
      }

      const pushLeft: Push = (value, ctx) => {
        at[0] = index
        const [flow, key, time] = [flowOf(ctx), stateKeyOf(ctx), ctx.timestamp]
        if (isLate(time)) return tooLate(lateLeft, value, ctx)
        let met = false
        right.meet(key, time - beforeMs, time + afterMs, rightAlone, (other, when) => {
          met = true
          handOn(value, other, Math.max(time, when), flow)
        })
        left.add(key, time, value, met)
      }
      const pushRight: Push = (value, ctx) => {
        at[0] = index
        const [flow, key, time] = [flowOf(ctx), stateKeyOf(ctx), ctx.timestamp]
        if (isLate(time)) return tooLate(lateRight, value, ctx)
        let met = false
        left.meet(key, time - afterMs, time + beforeMs, leftAlone, (other, when) => {
          met = true
          handOn(other, value, Math.max(time, when), flow)
        })
        right.add(key, time, value, met)
      }
      /** By the time at which they are due, so that it doesn't matter how far the watermark has come at once. */
      const closeBoth = (watermark: EpochMs, flow: StepFlow): void => {
        for (;;) {
          const [l, r] = [
            left.dueBy(watermark) ?? Infinity,
            rightAlone ? (right.dueBy(watermark) ?? Infinity) : Infinity,
          ]
          if (l === Infinity && r === Infinity) return
          if (l <= r) left.close(l, (key, time, value) => alone(key, time, value, undefined, flow))
          else right.close(r, (key, time, value) => alone(key, time, undefined, value, flow))
        }
      }
      runtime.onWatermark((flow) => {
        const { watermark } = clock
        if (leftAlone) closeBoth(watermark, flow)
        else left.drop(watermark)
        if (!rightAlone) right.drop(watermark)
      })
      return [pushLeft, pushRight]
    },
  }
}
