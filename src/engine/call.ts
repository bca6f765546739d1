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
  /** Gives a context the key that the steps before have given. */
  readonly giveKey: (flow: Flow) => void
}

/** One call, or the pause before the next: what ends it from outside. */
export class Ending {
  private controller: AbortController | undefined
  private reason: unknown
  private over = false
  private reject: (reason: unknown) => void = () => undefined

  /** Made when somebody asks: most functions have no use for it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.over) this.controller.abort(this.reason)
    return this.controller.signal
  }

  /** Settles as what `begin` returns does, or rejects when it is ended before. */
  race(begin: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.reject = reject
      // A function that throws at once, or returns no promise, is no other than one that does so later.
      Promise.resolve(begin()).then(resolve, reject)
    })
  }

  end(reason: unknown): void {
    this.over = true
    this.reason = reason
    // First: what the function makes of the signal is not the reason.
    this.reject(reason)
    this.controller?.abort(reason)
  }
}

/** Of one call and for good: it stays with its record when the task's own context has moved on. */
class CallContext extends Flow implements AsyncContext<unknown> {
  readonly idempotencyKey: string
  private readonly ending: Ending

  constructor({ place, keyOf, record, now, idempotencyKey, giveKey }: CallOf, step: string, ending: Ending) {
    super(place, keyOf, () => step)
    this.record = record
    giveKey(this)
    this.now = now
    this.idempotencyKey = idempotencyKey
    this.ending = ending
  }

  get signal(): AbortSignal {
    return this.ending.signal
  }
}

/**
 * Makes the calls of one value, one after the other, until one comes back well or there may be no more; rejects as the last
 * one does. `endings` holds what is under way.
 */
export async function callUntilDone(spec: LaneSpec, call: CallOf, endings: Set<Ending>): Promise<unknown> {
  for (let attempt = 1, pauseMs = spec.initialMs; ; attempt++, pauseMs *= 2) {
    const ending = new Ending()
    endings.add(ending)
    const timer = setTimeout(() => ending.end(timeoutOf(spec, call, attempt)), spec.timeoutMs)
    try {
      return await ending.race(() => spec.fn(call.value, new CallContext(call, spec.id, ending)))
    } catch (error) {
      const isVerdict = error instanceof RecordError && !(error instanceof StepTimeout)
      if (isVerdict || attempt >= spec.attempts || !endings.has(ending)) throw error
    } finally {
      clearTimeout(timer)
      endings.delete(ending)
    }
    await pause(Math.min(pauseMs, spec.maximumMs), endings)
  }
}

async function pause(ms: number, endings: Set<Ending>): Promise<void> {
  const ending = new Ending()
  endings.add(ending)
  let timer: NodeJS.Timeout | undefined
  try {
    await ending.race(() => new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))))
  } finally {
    clearTimeout(timer)
    endings.delete(ending)
  }
}

function timeoutOf({ id, timeoutMs }: LaneSpec, { place, record }: CallOf, attempts: number): StepTimeout {
  const { pipeline, stage, source, partition } = place
  const origin = { source, partition, position: record.position }
  const calls = attempts === 1 ? 'it has' : `the last of ${attempts} calls has`
  const reason = `${calls} not settled within ${timeoutMs / 1_000} s`
  return new StepTimeout({ pipeline, stage, origin, step: id, reason, timeoutMs, attempts })
}
