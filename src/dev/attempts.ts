import { reasonOf } from '../errors/base.js'
import { StackUnavailable, type Attempt } from '../errors/stack.js'

/** One way of getting something: null where it isn't there, an error where it is of no use. */
export interface Way<T> {
  readonly what: string
  readonly find: () => Promise<T | null>
  /** What null means, for the list of what was tried. */
  readonly absent?: string
}

/** The result of the first way that works. Throws `StackUnavailable` with every way's reason if none does. */
export async function firstThatWorks<T>(
  server: 'Temporal' | 'Kafka' | 'S3',
  ways: readonly Way<T>[],
  install: readonly string[],
): Promise<T> {
  const tried: Attempt[] = []
  for (const { what, find, absent } of ways) {
    try {
      const found = await find()
      if (found !== null) return found
      tried.push({ what, why: absent ?? 'not there' })
    } catch (error) {
      tried.push({ what, why: reasonOf(error) })
    }
  }
  throw new StackUnavailable({ server, tried, install })
}
