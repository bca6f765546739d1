import { z } from 'zod'
import type { WindowSettings, WindowShape } from '../steps/window/window.js'
import type { Fault } from './fault.js'
import { durationSchema, faultAt, faultsIn, functionSchema } from './faults-of.js'
import { type WindowArguments, windowArgumentsOf } from './windows.js'

/** Times are whole ms, so windows are. */
const wholeMs = (least: number): z.ZodType<number> =>
  durationSchema(least).refine((ms) => Number.isSafeInteger(ms), 'must be whole milliseconds')

const shapes = {
  tumbling: z
    .object({ size: wholeMs(1), offset: wholeMs(0) })
    .transform(({ size, offset }): WindowShape => ({ kind: 'fixed', size, every: size, offset: offset % size })),
  hopping: z
    .object({ size: wholeMs(1), every: wholeMs(1), offset: wholeMs(0) })
    .refine(({ size, every }) => every <= size, {
      path: ['every'],
      message: 'must be at most the size: what is between windows would be lost',
    })
    .transform(({ size, every, offset }): WindowShape => ({ kind: 'fixed', size, every, offset: offset % every })),
  sliding: z.object({ size: wholeMs(1) }).transform(({ size }): WindowShape => ({ kind: 'sliding', size })),
  session: z.object({ gap: wholeMs(1) }).transform(({ gap }): WindowShape => ({ kind: 'session', gap })),
} satisfies Record<WindowArguments['kind'], z.ZodType<WindowShape>>

const optionsSchema = z.strictObject(
  {
    grace: wholeMs(0).default(0),
    emit: z.enum(['final', 'updates'], "must be 'final' or 'updates'").default('final'),
    state: z
      .strictObject(
        {
          version: z.int('must be a whole number').min(1, 'must be at least 1').default(1),
          migrate: functionSchema.optional(),
        },
        'must be an object',
      )
      .default({ version: 1 }),
  },
  'must be an object',
)

const anyShape: WindowShape = { kind: 'fixed', size: 1, every: 1, offset: 0 }

/** A window and its options as the step reads them, or any, with what is wrong with them. */
export function checkWindow(over: unknown, options: unknown, path: string): [WindowSettings, readonly Fault[]] {
  const [shape, wrongShape] = checkShape(over, path)
  const parsed = optionsSchema.safeParse(options ?? {}, { reportInput: true })
  const faults = [...wrongShape, ...(parsed.success ? [] : faultsIn(parsed.error, path))]
  const { grace, emit, state } = parsed.data ?? optionsSchema.parse({})
  return [{ over: shape, graceMs: grace, emit, state: state as WindowSettings['state'] }, faults]
}

function checkShape(over: unknown, path: string): [WindowShape, readonly Fault[]] {
  const args = windowArgumentsOf(over)
  if (args === undefined) {
    return [anyShape, [faultAt(path, 'needs tumbling, hopping, sliding or session as its second argument', over)]]
  }
  const shape = shapes[args.kind].safeParse(args, { reportInput: true })
  return shape.success ? [shape.data, []] : [anyShape, faultsIn(shape.error, path)]
}
