import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

const FILES = {
  'package.json': '{ "type": "module" }',
  'vitest.config.js': `
    export default {
      test: {
        include: ['*.test.js'],
        globalSetup: './setup.js',
        reporters: ['default', ${JSON.stringify(join(root, 'test/setup/closing-line.ts'))}],
      },
    }`,
  'setup.js': `
    export default () => {
      if (process.env.NO_SERVERS) throw new Error('no servers')
      return () => console.log('teardown has its say')
    }`,
  'passes.test.js': `import { it } from 'vitest'; it('a', () => {}); it('b', () => {})`,
  'fails.test.js': `import { expect, it } from 'vitest'; it('a', () => expect(1).toBe(2)); it('b', () => {})`,
  'does-not-load.test.js': `import './nowhere.js'`,
  'hook-before.test.js': `import { beforeAll, it } from 'vitest'; beforeAll(() => { throw new Error('no') }); it('a', () => {})`,
  'hook-after.test.js': `import { afterAll, it } from 'vitest'; afterAll(() => { throw new Error('no') }); it('a', () => {})`,
  'unhandled.test.js': `
    import { it } from 'vitest'
    it('a', async () => {
      setTimeout(() => void Promise.reject(new Error('nobody catches')))
      await new Promise((resolve) => setTimeout(resolve, 50))
    })`,
}

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-test-closing-line-'))
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), text)
  await mkdir(join(directory, 'node_modules'))
  await symlink(join(root, 'node_modules', 'vitest'), join(directory, 'node_modules', 'vitest'))
})
afterAll(() => rm(directory, { recursive: true }))

function run(filter: string, env: Record<string, string> = {}): { lastLine: string | undefined; ok: boolean } {
  // Not as a test inside a test: the outer run is told apart by these.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_OPTIONS|TEST$)/.test(name))
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const { stdout, status } = spawnSync(process.execPath, [vitest, 'run', filter], {
    cwd: directory,
    env: { ...Object.fromEntries(inherited), ...env },
    encoding: 'utf8',
  })
  return { lastLine: stdout.split('\n').at(-2), ok: status === 0 }
}

it.each([
  ['passes', '2 passed, 0 failed', true],
  ['fails', '1 passed, 1 failed', false],
  ['does-not-load', '0 passed, 1 failed', false],
  ['hook-before', '0 passed, 1 failed', false],
  ['hook-after', '1 passed, 1 failed', false],
  ['unhandled', '1 passed, 1 failed', false],
  ['no-such-file', '0 passed, 1 failed', false],
])('%s: %s', (filter, lastLine, ok) => {
  expect(run(filter)).toEqual({ lastLine, ok })
})

it('counts servers that could not be had as a failure', () => {
  expect(run('passes', { NO_SERVERS: '1' })).toEqual({ lastLine: '0 passed, 1 failed', ok: false })
})
