/** Runs what it is given, so many at once at most: what waits for a server's disk leaves its time to others. */
export function inLanes(lanes: number): <R>(work: () => Promise<R>) => Promise<R> {
  let free = lanes
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free--
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
