/** So many of `items` at a time, begun in order. After a rejection none is begun; rejects with the first one, once all under way have ended. */
export async function inParallel<I>(
  items: readonly I[],
  concurrency: number,
  work: (item: I) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed = false
  const run = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined && !failed; item = items[next++]) {
      try {
        await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(concurrency, items.length) }, run))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
