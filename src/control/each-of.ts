/** Requests to Temporal that one activity has under way at once, at most. */
const AT_ONCE = 10

/** `work` for each of `items`, a bounded number at once; rejects with the first failure after the others have settled. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const lanes = Array.from({ length: Math.min(AT_ONCE, items.length) }, async () => {
    for (const item of queue) await work(item)
  })
  const results = await Promise.allSettled(lanes)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
