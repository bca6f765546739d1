import { access, constants, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { firstThatWorks } from './attempts.js'
import { cacheDirectory, fillCache } from './cache.js'
import type { OnProgress } from './progress.js'
import { outputOf } from './run-command.js'
import { buildTemporal } from './temporal-build.js'
import { downloadTemporal } from './temporal-download.js'
import { LOWEST_SERVER, TEMPORAL_VERSION } from './temporal-pins.js'

const EXECUTABLE = process.platform === 'win32' ? 'temporal.exe' : 'temporal'
const ENTRY = `temporal-cli-${TEMPORAL_VERSION}`

/**
 * The path of a Temporal CLI whose `server start-dev` will do: on PATH, in the cache, downloaded as the Temporal SDKs do,
 * or built with Go (minutes, once). Throws `StackUnavailable`.
 */
export function temporalBinary(onProgress?: OnProgress): Promise<string> {
  const cached = join(cacheDirectory(), ENTRY, EXECUTABLE)
  return firstThatWorks(
    'Temporal',
    [
      { what: '`temporal` on PATH', find: () => onPath(onProgress), absent: 'not on PATH' },
      { what: `the cache, ${cached}`, find: () => inCache(cached) },
      { what: `download of Temporal CLI ${TEMPORAL_VERSION}`, find: () => keep(downloadTemporal, onProgress) },
      { what: `build of Temporal CLI ${TEMPORAL_VERSION} with Go`, find: () => keep(buildTemporal, onProgress) },
    ],
    [
      'install the Temporal CLI and have `temporal` on PATH: https://docs.temporal.io/cli',
      'install Go 1.21 or later: the CLI is then built from source',
      'give the address of a Temporal server that runs already',
    ],
  )
}

async function onPath(onProgress?: OnProgress): Promise<string | null> {
  const version = await serverVersion('temporal')
  if (version === null) return null
  if (version < LOWEST_SERVER) throw new Error(`its server is too old: ${String(version)}, wanted ${LOWEST_SERVER}`)
  onProgress?.('Temporal: using `temporal` on PATH')
  return 'temporal'
}

/** The server's version as a number, 1.29 → 1029; null where there is no such command. */
async function serverVersion(command: string): Promise<number | null> {
  const printed = await outputOf(command, ['--version']).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (printed === null) return null
  const [, major, minor] = /Server (\d+)\.(\d+)/.exec(printed) ?? []
  if (major === undefined || minor === undefined) throw new Error(`it is something else; it prints: ${printed.trim()}`)
  return Number(major) * 1000 + Number(minor)
}

async function inCache(path: string): Promise<string | null> {
  const there = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
  return there ? path : null
}

/** Has a binary made and keeps it in the cache; it runs once before it gets there. */
async function keep(
  make: (directory: string, onProgress?: OnProgress) => Promise<string>,
  onProgress?: OnProgress,
): Promise<string> {
  const entry = await fillCache(ENTRY, async (directory) => {
    const made = await make(directory, onProgress)
    if ((await serverVersion(made)) === null) throw new Error('it does not start')
    const name = join(directory, EXECUTABLE)
    if (made !== name) await rename(made, name)
  })
  return join(entry, EXECUTABLE)
}
