import { SinkUnauthorized, SinkUnavailable } from '../../errors/sink.js'
import type { Target } from '../ledger-chain/target.js'
import { errno } from './disk.js'

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS'])
/** The directory can't be there: a file in the way, a dangling link, a name that is too long. */
const UNREACHABLE = new Set([...DENIED, 'ENOENT', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG'])
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** What a failed step means for the sink. Everything that no person has to mend can be tried again. */
export function sinkFailure({ at, target }: Target, doing: string, error: unknown): unknown {
  const code = errno(error)
  // Not of the file system: an abort, a mistake in code, or what has a name already.
  if (code === '') return error
  if ((error as NodeJS.ErrnoException).syscall === 'link' && NO_LINKS.has(code)) {
    const reason = `this file system cannot create hard links (${code}), which commits need: use another directory`
    return new SinkUnauthorized({ ...at, target, doing, reason }, error)
  }
  const mendable = doing === MAKE_DIRECTORY ? UNREACHABLE : DENIED
  const Failure = mendable.has(code) ? SinkUnauthorized : SinkUnavailable
  return new Failure({ ...at, target, doing }, error)
}

export const MAKE_DIRECTORY = 'create its directories'
