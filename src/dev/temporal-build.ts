import { join } from 'node:path'

import { z } from 'zod'

import type { OnProgress } from './progress.js'
import { outputOf, runLongCommand } from './run-command.js'
import { goModule, TEMPORAL_VERSION } from './temporal-pins.js'

const MINUTES = 60_000

const Downloaded = z.object({ Dir: z.string(), Sum: z.string() })

/**
 * Builds the CLI with Go into `directory`, as `go install` does, but from the module's own directory: then Go checks every
 * dependency against the go.sum inside the module, whose hash is pinned, whatever GOSUMDB and GOPROXY say.
 */
export async function buildTemporal(directory: string, onProgress?: OnProgress): Promise<string> {
  const version = await outputOf('go', ['version']).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('there is no `go` on PATH') : error
  })
  onProgress?.(`Temporal: building its CLI ${TEMPORAL_VERSION} with ${version.trim()}; up to 5 minutes, once`)
  const module = `${goModule.path}@${TEMPORAL_VERSION}`
  const env = { GOWORK: 'off', GOFLAGS: '' }
  await runLongCommand({
    command: 'go',
    args: ['mod', 'download', module],
    env,
    cwd: directory,
    timeoutMs: 10 * MINUTES,
    doing: `go mod download ${module}`,
    onProgress,
  })
  const printed = await outputOf('go', ['mod', 'download', '-json', module], { ...process.env, ...env })
  const downloaded = Downloaded.parse(JSON.parse(printed))
  if (downloaded.Sum !== goModule.sum) throw new Error(`${module} is ${downloaded.Sum}, not ${goModule.sum}`)
  const binary = join(directory, process.platform === 'win32' ? 'temporal.exe' : 'temporal')
  await runLongCommand({
    command: 'go',
    args: ['build', '-C', downloaded.Dir, '-mod=readonly', '-buildvcs=false', '-o', binary, goModule.command],
    env,
    cwd: directory,
    timeoutMs: 30 * MINUTES,
    doing: `go build of Temporal CLI ${TEMPORAL_VERSION}`,
    onProgress,
  })
  return binary
}
