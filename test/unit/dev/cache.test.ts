import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { cacheDirectory, fillCache } from '../../../src/dev/cache.js'

describe('where downloads are kept', () => {
  it('takes TIDEMARK_CACHE before XDG_CACHE_HOME before the home directory', () => {
    expect(cacheDirectory({ TIDEMARK_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a')
    expect(cacheDirectory({ XDG_CACHE_HOME: '/b' })).toBe('/b/tidemark')
    expect(cacheDirectory({})).toBe(join(homedir(), '.cache', 'tidemark'))
  })

  it('takes an empty variable as none', () => {
    expect(cacheDirectory({ TIDEMARK_CACHE: '', XDG_CACHE_HOME: '' })).toBe(join(homedir(), '.cache', 'tidemark'))
  })
})

describe('filling the cache', () => {
  let cache: string
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'tidemark-test-cache-'))
    vi.stubEnv('TIDEMARK_CACHE', cache)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(cache, { recursive: true })
  })

  it('shows an entry only when it is complete', async () => {
    const path = await fillCache('thing', async (directory) => {
      await writeFile(join(directory, 'one'), '1')
      expect((await readdir(cache)).filter((name) => name === 'thing')).toEqual([])
      await writeFile(join(directory, 'two'), '2')
    })
    expect(path).toBe(join(cache, 'thing'))
    expect(await readdir(cache)).toEqual(['thing'])
    expect((await readdir(path)).toSorted()).toEqual(['one', 'two'])
  })

  it('leaves nothing of a failure', async () => {
    const failing = fillCache('thing', async (directory) => {
      await writeFile(join(directory, 'one'), '1')
      throw new Error('connection lost')
    })
    await expect(failing).rejects.toThrow('connection lost')
    expect(await readdir(cache)).toEqual([])
  })

  it('takes the result of whoever was faster', async () => {
    let letSlowGo = (): void => undefined
    const held = new Promise<void>((resolve) => (letSlowGo = resolve))
    const slow = fillCache('thing', async (directory) => {
      await writeFile(join(directory, 'by'), 'slow')
      await held
    })
    const fast = await fillCache('thing', (directory) => writeFile(join(directory, 'by'), 'fast'))
    letSlowGo()
    expect(await slow).toBe(fast)
    expect(await readFile(join(fast, 'by'), 'utf8')).toBe('fast')
    expect(await readdir(cache)).toEqual(['thing'])
  })

  it('clears away what a killed process left long ago, and nothing younger', async () => {
    const [old, young] = [join(cache, '.partial-thing-old'), join(cache, '.partial-thing-young')]
    await mkdir(old)
    await mkdir(young)
    const yesterday = Date.now() / 1000 - 86_400
    await utimes(old, yesterday, yesterday)
    await fillCache('thing', () => Promise.resolve())
    expect((await readdir(cache)).toSorted()).toEqual(['.partial-thing-young', 'thing'])
  })
})
