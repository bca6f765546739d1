import { Emitter } from './emitter.js'
import { type CommitPoint, Ledger } from './ledger.js'
import type { Session } from './session.js'

/**
 * Outputs and position of each of `due`, and of the dead letters' ledger where there are letters for it. That commits
 * first: the others' receipts may speak of them (PROTOCOL §5). Returns how many commits it took.
 */
export async function commitAll(
  session: Session,
  due: readonly Ledger[],
  at: Omit<CommitPoint, 'rejections' | 'answers'>,
): Promise<number> {
  const { refusals } = session
  // Whoever executes again what is committed now needs them.
  if (session.answers !== null && due.length > 0 && !(await session.answers.store()))
    session.abort.signal.throwIfAborted()
  // What is not executed again up to a receipt must be everywhere when that is written (PROTOCOL §6).
  if (session.calls !== null && due.length > 0) {
    for (const emitter of session.emitters) await emitter.settle(session.abort.signal)
  }
  // What is refused while others commit has no durable letter yet: it is for the next receipts.
  const head = session.answers?.head ?? null
  const kept = head === null ? {} : { answers: head }
  const point = (): CommitPoint => ({ ...at, ...kept, rejections: refusals.list })
  const letters = refusals.outlet
  let open = due.filter((ledger) => ledger !== letters)
  let withLetters = due.length > open.length
  let commits = 0
  while (open.length > 0 || withLetters) {
    await all(open.map((ledger) => ledger.prepare()))
    if (letters instanceof Emitter && refusals.pending) await letters.settle(session.abort.signal)
    if (letters instanceof Ledger && (withLetters || refusals.pending)) {
      for (let done = false; !done; commits++) {
        await letters.prepare()
        done = await letters.commit(point())
      }
    }
    withLetters = false
    refusals.pending = false
    const now = point()
    const ends = await all(open.map((ledger) => ledger.commit(now)))
    commits += open.length
    open = open.filter((_, index) => ends[index] === false)
  }
  return commits
}

/** All of them, whatever one says: a ledger must not be closed while its commit is under way. */
async function all<R>(works: readonly Promise<R>[]): Promise<readonly R[]> {
  const ends = await Promise.allSettled(works)
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}
