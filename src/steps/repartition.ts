import type { StepContext } from '../definition/context.js'
import type { Serde } from '../definition/serde.js'
import { keyByStep } from './key-by.js'
import { flowOf, type Push, type Step } from './step.js'

export interface RepartitionSettings {
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Null: as many as the largest topic before it has. */
  readonly partitions: number | null
}

/** Another key for each value, which goes to that key's partition: the end of a stage. */
export function repartitionStep(
  fn: (value: unknown, ctx: StepContext<unknown>) => unknown,
  settings: RepartitionSettings,
): Step {
  const { key, partitions } = settings
  const keyed = keyByStep(fn, key)
  return {
    kind: 'repartition',
    ports: ['out'],
    deterministic: true,
    settings: { partitions },
    code: String(fn),
    ...(keyed.decodeKey !== undefined && { decodeKey: keyed.decodeKey }),
    repartition: settings,
    compile({ out }, runtime) {
      const { clock } = runtime
      const carry: Push = (value, ctx) => {
        const flow = flowOf(ctx)
        const { watermark } = clock
        flow.watermark = Number.isFinite(watermark) ? watermark : undefined
        try {
          out?.(value, ctx)
        } finally {
          flow.watermark = undefined
        }
      }
      // The key is of another partition, as a rule: that is what the step is for.
      return keyed.compile({ out: carry }, { ...runtime, mustBeHere: () => {} })
    },
  }
}
