/** An S3 server that tests can have: the Versity S3 Gateway over a directory. */
import { access, constants, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { firstThatWorks } from '../../../src/dev/attempts.js'
import { cacheDirectory, fillCache } from '../../../src/dev/cache.js'
import { outputOf, runLongCommand } from '../../../src/dev/run-command.js'

const VERSION = 'v1.8.0'
/** The hash that the Go checksum database has of it. Its go.sum, inside, pins all that it is built from. */
const SUM = 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc='
const MODULE = `github.com/versity/versitygw@${VERSION}`
const ENTRY = `versitygw-${VERSION}`

/** Its path: in the cache, or built with Go (minutes, once). Throws `StackUnavailable`. */
export function gatewayBinary(): Promise<string> {
  const cached = join(cacheDirectory(), ENTRY, 'versitygw')
  return firstThatWorks(
    'S3',
    [
      { what: `the cache, ${cached}`, find: () => inCache(cached) },
      { what: `build of ${MODULE} with Go`, find: build },
    ],
    ['install Go 1.21 or later: the server is then built from source'],
  )
}

async function inCache(path: string): Promise<string | null> {
  return await access(path, constants.X_OK).then(
    () => path,
    () => null,
  )
}

async function build(): Promise<string> {
  const env = { GOWORK: 'off', GOFLAGS: '' }
  const onProgress = (line: string): boolean => process.stderr.write(`${line}\n`)
  const entry = await fillCache(ENTRY, async (directory) => {
    const step = { command: 'go', env, cwd: directory, timeoutMs: 20 * 60_000, onProgress }
    await runLongCommand({ ...step, args: ['mod', 'download', MODULE], doing: `go mod download ${MODULE}` })
    const printed = await outputOf('go', ['mod', 'download', '-json', MODULE], { ...process.env, ...env })
    const { Dir, Sum } = z.object({ Dir: z.string(), Sum: z.string() }).parse(JSON.parse(printed))
    if (Sum !== SUM) throw new Error(`${MODULE} is ${Sum}, not ${SUM}`)
    const made = join(directory, 'made')
    const args = ['build', '-C', Dir, '-mod=readonly', '-buildvcs=false', '-o', made, './cmd/versitygw']
    await runLongCommand({ ...step, args, doing: `go build of ${MODULE}` })
    await outputOf(made, ['--version'])
    await rename(made, join(directory, 'versitygw'))
  })
  return join(entry, 'versitygw')
}
