import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { temporalBinary } from '../../../src/dev/temporal-binary.js'
import { StackUnavailable } from '../../../src/errors/stack.js'

let directory: string
let bin: string
let cached: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-test-temporal-'))
  bin = join(directory, 'bin')
  cached = join(directory, 'cache', 'temporal-cli-v1.5.1', 'temporal')
  await mkdir(bin)
  vi.stubEnv('PATH', bin)
  vi.stubEnv('TIDEMARK_CACHE', join(directory, 'cache'))
  // What a machine without internet answers; this test must not depend on whether there is one.
  const refused = new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND temporal.download') })
  vi.stubGlobal('fetch', () => Promise.reject(refused))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  await rm(directory, { recursive: true })
})

async function install(path: string, prints: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho '${prints}'\n`)
  await chmod(path, 0o755)
}

/** The error where there is no binary. */
async function unavailable(): Promise<StackUnavailable> {
  const error = await temporalBinary().catch((thrown: unknown) => thrown)
  if (!(error instanceof StackUnavailable)) throw new Error(`not refused: ${String(error)}`)
  return error
}

it('takes the one on PATH first', async () => {
  await install(join(bin, 'temporal'), 'temporal version 1.5.0 (Server 1.29.0, UI 2.40.0)')
  await install(cached, 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)')
  expect(await temporalBinary()).toBe('temporal')
})

it('takes the cached one where that on PATH is too old', async () => {
  await install(join(bin, 'temporal'), 'temporal version 0.9.0 (Server 1.20.0, UI 2.0.0)')
  await install(cached, 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)')
  expect(await temporalBinary()).toBe(cached)
})

it('says everything that was tried, why it failed, and what to install', async () => {
  await install(join(bin, 'temporal'), 'a temporal of another kind')
  const error = await unavailable()
  expect(error.code).toBe('StackUnavailable')
  expect(error.message).toContain('no Temporal server could be had')
  expect(error.details.tried).toEqual([
    { what: '`temporal` on PATH', why: 'it is something else; it prints: a temporal of another kind' },
    { what: `the cache, ${cached}`, why: 'not there' },
    {
      what: 'download of Temporal CLI v1.5.1',
      why: expect.stringMatching(/^https:\/\/temporal\.download\/cli\/v1\.5\.1\?.*: getaddrinfo ENOTFOUND/),
    },
    { what: 'build of Temporal CLI v1.5.1 with Go', why: 'there is no `go` on PATH' },
  ])
  for (const { what, why } of error.details.tried) expect(error.message).toContain(`${what}: ${why}`)
  for (const line of error.details.install) expect(error.message).toContain(line)
})

it('refuses a download that is not the pinned one, and keeps nothing of it', async () => {
  const archiveUrl = 'https://temporal.download/somewhere.tar.gz'
  vi.stubGlobal('fetch', (url: string) =>
    Promise.resolve(
      url === archiveUrl ? new Response('abc') : Response.json({ archiveUrl, fileToExtract: 'temporal' }),
    ),
  )
  const [, , download] = (await unavailable()).details.tried
  expect(download?.why).toMatch(
    /^the SHA-256 of https:\S+ is ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad, not the pinned \w{64}$/,
  )
})

it('refuses a Go module that is not the pinned one', async () => {
  await writeFile(
    join(bin, 'go'),
    `#!/bin/sh\ncase "$*" in *-json*) echo '{"Dir":"/","Sum":"h1:forged"}';; build*) touch "${directory}/built";; esac\n`,
  )
  await chmod(join(bin, 'go'), 0o755)
  const [, , , build] = (await unavailable()).details.tried
  expect(build?.why).toMatch(/^github\.com\/temporalio\/cli@v1\.5\.1 is h1:forged, not h1:\S+$/)
})
