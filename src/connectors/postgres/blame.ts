import type { Item } from '../../definition/sink.js'
import type { Session } from './database.js'
import { isRefusal } from './failure.js'

/** An item, and what the database said of it. */
export class Refused<W> {
  readonly item: Item<W>
  readonly error: unknown

  constructor(item: Item<W>, error: unknown) {
    this.item = item
    this.error = error
  }
}

/**
 * The first item that the database refuses after all before it: by halves, each tried behind a savepoint. Null if none is
 * refused now. Constraints that are deferred are checked at once here, or a commit would be needed for each try.
 */
export async function firstRefused<W>(
  session: Session,
  items: readonly Item<W>[],
  apply: (items: readonly Item<W>[]) => Promise<void>,
): Promise<Refused<W> | null> {
  await session.query('SET CONSTRAINTS ALL IMMEDIATE')
  const refusal = async (from: number, to: number): Promise<unknown> => {
    await session.query('SAVEPOINT tidemark')
    try {
      await apply(items.slice(from, to))
      await session.query('RELEASE SAVEPOINT tidemark')
      return null
    } catch (error) {
      if (!isRefusal(error)) throw error
      await session.query('ROLLBACK TO SAVEPOINT tidemark')
      return error
    }
  }
  let low = 0
  let high = items.length
  let error: unknown = await refusal(low, high)
  if (error === null) return null
  // Everything below `low` is in; something below `high` is refused.
  while (high - low > 1) {
    const middle = (low + high) >> 1
    const found = await refusal(low, middle)
    if (found === null) low = middle
    else [high, error] = [middle, found]
  }
  const item = items[low]
  return item === undefined ? null : new Refused(item, error)
}
