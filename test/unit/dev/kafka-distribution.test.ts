import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { kafkaJars } from '../../../src/dev/kafka-distribution.js'
import { jars } from '../../../src/dev/kafka-pins.js'
import { StackUnavailable } from '../../../src/errors/stack.js'

let directory: string
let cache: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-test-kafka-'))
  cache = join(directory, 'cache')
  vi.stubEnv('TIDEMARK_CACHE', cache)
  vi.stubEnv('KAFKA_HOME', '')
  const refused = new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND archive.apache.org') })
  vi.stubGlobal('fetch', () => Promise.reject(refused))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  await rm(directory, { recursive: true })
})

async function unavailable(): Promise<StackUnavailable> {
  const error = await kafkaJars().catch((thrown: unknown) => thrown)
  if (!(error instanceof StackUnavailable)) throw new Error(`not refused: ${String(error)}`)
  return error
}

it('takes KAFKA_HOME first', async () => {
  const libs = join(directory, 'home', 'libs')
  await mkdir(libs, { recursive: true })
  await writeFile(join(libs, 'kafka_2.13-4.2.0.jar'), '')
  vi.stubEnv('KAFKA_HOME', join(directory, 'home'))
  expect(await kafkaJars()).toBe(libs)
})

it('says everything that was tried, why it failed, and what to install', async () => {
  vi.stubEnv('KAFKA_HOME', join(directory, 'home'))
  vi.stubEnv('PATH', join(directory, 'nothing'))
  const error = await unavailable()
  expect(error.message).toContain('no Kafka server could be had')
  expect(error.details.tried).toEqual([
    { what: 'KAFKA_HOME', why: `there is no kafka_2.13-*.jar in ${join(directory, 'home', 'libs')}` },
    { what: `the cache, ${join(cache, 'kafka-4.1.0-maven')}`, why: 'not there' },
    { what: `the cache, ${join(cache, 'kafka-4.1.0')}`, why: 'not there' },
    { what: 'Kafka 4.1.0 from Maven Central', why: 'there is no `mvn` on PATH' },
    {
      what: 'download of https://archive.apache.org/dist/kafka/4.1.0/kafka_2.13-4.1.0.tgz',
      why: expect.stringContaining('getaddrinfo ENOTFOUND archive.apache.org'),
    },
  ])
  for (const { what, why } of error.details.tried) expect(error.message).toContain(`${what}: ${why}`)
})

it('refuses an archive that is not the pinned one, and keeps nothing of it', async () => {
  vi.stubEnv('PATH', join(directory, 'nothing'))
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('abc')))
  const archive = (await unavailable()).details.tried.at(-1)
  expect(archive?.why).toMatch(/^its SHA-512 is ddaf35a1\w+, not the pinned \w{128}$/)
  expect(await readdir(cache)).toEqual([])
})

it('refuses jars of Maven that are not the pinned ones, and keeps nothing of them', async () => {
  const bin = join(directory, 'bin')
  await mkdir(bin)
  const jar = 'kafka_2.13-4.1.0.jar'
  const write = `for a in "$@"; do case "$a" in -DoutputDirectory=*) echo evil > "\${a#*=}/${jar}";; esac; done`
  await writeFile(join(bin, 'mvn'), `#!/bin/sh\n${write}\n`, { mode: 0o755 })
  vi.stubEnv('PATH', bin)
  const maven = (await unavailable()).details.tried[3]
  expect(maven?.why).toContain(`${jar} has another SHA-256`)
  expect(maven?.why).toContain('kafka-clients-4.1.0.jar is missing')
  expect(await readdir(cache)).toEqual([])
})

it('fetches exactly the pinned jars from Maven Central, keeps them, and fetches them again when one changes', async () => {
  let fetches = 0
  const counting = (line: string): void => {
    if (line.includes('fetching')) fetches++
  }
  const first = await kafkaJars(counting)
  expect((await readdir(first)).toSorted()).toEqual(Object.keys(jars).toSorted())
  expect(fetches).toBe(1)

  expect(await kafkaJars(counting)).toBe(first)
  expect(fetches).toBe(1)

  await appendFile(join(first, 'scala-library-2.13.16.jar'), 'x')
  expect(await kafkaJars(counting)).toBe(first)
  expect(fetches).toBe(2)
}, 300_000)
