import type { AsyncContext } from '../definition/context.js'
import type { SourceRecord } from '../definition/source.js'
import { RecordError } from '../errors/families.js'
import { StepTimeout } from '../errors/record.js'
import type { LaneSpec } from '../steps/step.js'
import type { EpochMs } from '../units.js'
import { Flow } from './flow.js'

type FlowParts = ConstructorParameters<typeof Flow>

/** What one call needs to know of its record. */
export interface CallOf {
  readonly place: FlowParts[0]
  readonly keyOf: FlowParts[1]
  readonly record: SourceRecord<unknown>
  readonly now: EpochMs
  readonly value: unknown
  readonly idempotencyKey: string
}

/** Of one call and for good: it stays with its record when the task's own context has moved on. */
class CallContext extends Flow implements AsyncContext<unknown> {
  readonly signal: AbortSignal
  readonly idempotencyKey: string

  constructor({ place, keyOf, record, now, idempotencyKey }: CallOf, step: string, signal: AbortSignal) {
    super(place, keyOf, () => step)
    this.record = record
    this.now = now
    this.idempotencyKey = idempotencyKey
    this.signal = signal
  }
}

/**
 * Makes the calls of one value, one after the other, until one comes back well or there may be no more; rejects as the last
 * one does. `aborts` holds what ends them from outside, while they are under way.
 */
export async function callUntilDone(spec: LaneSpec, call: CallOf, aborts: Set<AbortController>): Promise<unknown> {
  for (let attempt = 1, pauseMs = spec.initialMs; ; attempt++, pauseMs *= 2) {
    const controller = new AbortController()
    aborts.add(controller)
    try {
      return await callOnce(spec, call, controller, attempt)
    } catch (error) {
      const isVerdict = error instanceof RecordError && !(error instanceof StepTimeout)
      if (isVerdict || attempt >= spec.attempts || !aborts.has(controller)) throw error
    } finally {
      aborts.delete(controller)
    }
    await pause(Math.min(pauseMs, spec.maximumMs), aborts)
  }
}

async function callOnce(spec: LaneSpec, call: CallOf, controller: AbortController, attempt: number): Promise<unknown> {
  const timer = setTimeout(() => controller.abort(timeoutOf(spec, call, attempt)), spec.timeoutMs)
  try {
    // Heard before the function's own listeners: its answer to the signal is not the reason.
    const aborted = whenAborted(controller.signal)
    return await Promise.race([aborted, spec.fn(call.value, new CallContext(call, spec.id, controller.signal))])
  } finally {
    clearTimeout(timer)
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

async function pause(ms: number, aborts: Set<AbortController>): Promise<void> {
  const controller = new AbortController()
  aborts.add(controller)
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  try {
    await Promise.race([over, whenAborted(controller.signal)])
  } finally {
    clearTimeout(timer)
    aborts.delete(controller)
  }
}

function timeoutOf({ id, timeoutMs }: LaneSpec, { place, record }: CallOf, attempts: number): StepTimeout {
  const { pipeline, stage, source, partition } = place
  const origin = { source, partition, position: record.position }
  const calls = attempts === 1 ? 'it has' : `the last of ${attempts} calls has`
  const reason = `${calls} not settled within ${timeoutMs / 1_000} s`
  return new StepTimeout({ pipeline, stage, origin, step: id, reason, timeoutMs, attempts })
}
