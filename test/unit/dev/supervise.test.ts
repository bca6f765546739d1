import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { supervise, type SupervisedCommand } from '../../../src/dev/supervise.js'
import { isAlive } from '../../setup/process-alive.js'
import { waitUntil } from '../../setup/wait-until.js'

/** Starts a process of its own, says both ids, and won't go for less than SIGKILL. */
const STUBBORN = `
process.on('SIGTERM', () => console.log('asked'))
const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
console.log(process.pid, child.pid)
setInterval(() => {}, 1000)
`

let directory: string
let logFile: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-test-supervise-'))
  logFile = join(directory, 'log')
})
const started = new Set<number>()
afterEach(async () => {
  for (const pid of started) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  started.clear()
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

const node = (source: string, more: Partial<SupervisedCommand> = {}): SupervisedCommand => ({
  command: process.execPath,
  args: ['-e', source],
  logFile,
  ...more,
})

/** The ids of the stubborn process and of its child. */
async function stubbornPids(): Promise<number[]> {
  const printed = await waitUntil(async () => /^(\d+) (\d+)$/m.exec(await readFile(logFile, 'utf8')))
  const pids = printed.slice(1).map(Number)
  for (const pid of pids) started.add(pid)
  return pids
}

async function allGone(pids: readonly number[]): Promise<void> {
  await waitUntil(() => !pids.some(isAlive), { for: `processes ${pids.join(', ')} to end` })
}

describe('a supervised process', () => {
  it('tells how it ended and what it said', async () => {
    const supervised = supervise(node('console.log("one\\ntwo\\nthree"); process.exitCode = 3'))
    await supervised.start()
    expect(await supervised.whenExited()).toEqual({ code: 3, signal: null })
    expect(supervised.lastOutput(2)).toBe('two\nthree')
    await supervised.end()
  })

  it('tells why it could not start', async () => {
    const supervised = supervise({ command: '/nowhere/at-all', args: [], logFile })
    await supervised.start()
    expect(supervised.pid()).toBe(null)
    expect((await supervised.whenExited()).error).toContain('ENOENT')
    await supervised.end()
  })

  it('can be started again after it was killed', async () => {
    const supervised = supervise(node('setInterval(() => {}, 1000)'))
    await supervised.start()
    const first = supervised.pid()
    await expect(supervised.start()).rejects.toThrow('already running')
    supervised.signal('SIGKILL')
    expect(await supervised.whenExited()).toEqual({ code: null, signal: 'SIGKILL' })
    await supervised.start()
    expect(supervised.pid()).not.toBe(first)
    await supervised.end()
    await expect(supervised.start()).rejects.toThrow('has ended')
  })

  it('is asked to end, then killed with what it started; directories go with it', async () => {
    const data = join(directory, 'data')
    await mkdir(data)
    const supervised = supervise(node(STUBBORN, { removeAtEnd: [data], graceMs: 4_000 }))
    await supervised.start()
    const pids = await stubbornPids()
    await supervised.end()
    await allGone(pids)
    expect(await readFile(logFile, 'utf8')).toContain('asked')
    expect(existsSync(data)).toBe(false)
    await supervised.end()
  })

  it('leaves nothing behind when it ends by itself', async () => {
    const supervised = supervise(node(`${STUBBORN}; setTimeout(() => process.exit(0), 300)`))
    await supervised.start()
    const pids = await stubbornPids()
    await supervised.whenExited()
    await allGone(pids)
    await supervised.end()
  })

  it('is asked to end even while it is stopped', async () => {
    const supervised = supervise(node(STUBBORN, { graceMs: 4_000 }))
    await supervised.start()
    const pids = await stubbornPids()
    supervised.signal('SIGSTOP')
    await supervised.end()
    await allGone(pids)
    expect(await readFile(logFile, 'utf8')).toContain('asked')
  })

  it('is ended by us where its supervisor was killed', async () => {
    const data = join(directory, 'data')
    await mkdir(data)
    const supervised = supervise(node(STUBBORN, { removeAtEnd: [data] }))
    await supervised.start()
    const pids = await stubbornPids()
    const supervisor = Number(spawnSync('ps', ['-o', 'ppid=', '-p', String(pids[0])], { encoding: 'utf8' }).stdout)
    process.kill(supervisor, 'SIGKILL')
    await supervised.whenExited()
    await allGone(pids)
    expect(existsSync(data)).toBe(false)
  })
})

describe('when we end', () => {
  const module = fileURLToPath(new URL('../../../dist/src/dev/supervise.js', import.meta.url))

  /** A process in a group of its own that supervises a stubborn one, as the built package does it. */
  async function startParent(data: string): Promise<{ parent: ChildProcess; pids: number[] }> {
    const spec = node(STUBBORN, { removeAtEnd: [data], graceMs: 200 })
    const source = `
      import { supervise } from ${JSON.stringify(module)}
      await supervise(${JSON.stringify(spec)}).start()
      setInterval(() => {}, 1000)`
    const args = ['--input-type=module', '-e', source]
    const parent = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'ignore', 'inherit'] })
    return { parent, pids: await stubbornPids() }
  }

  it.each([
    ['kill -9', (pid: number) => process.kill(pid, 'SIGKILL')],
    ['kill -9 of the whole group', (pid: number) => process.kill(-pid, 'SIGKILL')],
    ['Ctrl-C for the whole group', (pid: number) => process.kill(-pid, 'SIGINT')],
    ['SIGTERM for the whole group', (pid: number) => process.kill(-pid, 'SIGTERM')],
  ])('by %s, nothing is left', async (_, killParent) => {
    expect(existsSync(module), 'run `npm run build` first').toBe(true)
    const data = join(directory, 'data')
    await mkdir(data)
    const { parent, pids } = await startParent(data)
    expect(pids.every(isAlive)).toBe(true)
    const exited = once(parent, 'exit')
    killParent(parent.pid!)
    await exited
    await allGone(pids)
    await waitUntil(() => !existsSync(data))
  })
})
