/**
 * Throws, for a step function that returned a promise where the compiler was not asked: the promise would reach the
 * sink, or count as true. Its own rejection is taken care of, lest it end the process.
 */
export function refusePromise(step: string, promise: Promise<unknown>): never {
  promise.catch(() => {})
  throw new TypeError(`step '${step}' returned a promise: its function must be synchronous, or use asyncMap`)
}
