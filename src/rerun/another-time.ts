/** Another day, month, weekday and year. */
const SHIFT_MS = 400 * 24 * 3_600_000

const real = globalThis.Date

/** `Date`, but for what it takes the present to be. `instanceof` and prototypes stay what they are. */
const shifted: DateConstructor = new Proxy(real, {
  construct: (target, args: readonly unknown[], of: new () => Date): Date =>
    Reflect.construct(
      target,
      args.length === 0 ? [target.now() + SHIFT_MS] : args,
      of === shifted ? target : of,
    ) as Date,
  apply: (target) => new target(target.now() + SHIFT_MS).toString(),
  get: (target, name) => (name === 'now' ? () => target.now() + SHIFT_MS : (Reflect.get(target, name) as unknown)),
})

/** Calls what waits for nothing, with a wall clock that is ahead by more than a year: code that reads it shows. */
export function atAnotherTime<R>(work: () => R): R {
  const before = globalThis.Date
  globalThis.Date = shifted
  try {
    return work()
  } finally {
    globalThis.Date = before
  }
}
