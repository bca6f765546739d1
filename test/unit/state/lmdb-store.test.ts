import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lmdbStore } from '../../../src/connectors/lmdb/index.js'
import type { ValueStore } from '../../../src/definition/state-store.js'
import { Shelf } from '../../../src/state/shelf.js'
import { waitUntil } from '../../setup/wait-until.js'

const program = join(import.meta.dirname, 'endless-writes.mjs')

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-lmdb-'))
})
afterEach(() => rm(directory, { recursive: true }))

function open(pipeline = 'p', partition = 0): Promise<ValueStore> {
  const { signal } = new AbortController()
  const task = { namespace: 'n', pipeline, stage: 'main', partition, connection: () => undefined, signal }
  return lmdbStore({ directory }).open(task)
}

const left = (pipeline = 'p', partition = 0): Promise<string[]> =>
  readdir(join(directory, 'n', pipeline, `main-0000${partition}`))

/** What a session of that process would have called its directory. */
const nameOf = (pid: number): string => `values-${pid}-9a1f2c3d-0000-4000-8000-0123456789ab`

async function leave(path: string): Promise<void> {
  await mkdir(join(directory, path), { recursive: true })
  await writeFile(join(directory, path, 'values.mdb'), 'x')
}

/** Of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

test('holds what was written last, until it is closed', async () => {
  const values = await open()
  const bytes = Buffer.from('one')
  values.write([[1, bytes]], [])
  bytes.fill(0)
  values.write(
    [
      [2, Buffer.from('two')],
      [3, Buffer.alloc(100_000, 3)],
    ],
    [7],
  )
  values.write([[2, Buffer.alloc(0)]], [3])
  const one = values.get(1)
  expect(Buffer.from(one ?? []).toString()).toBe('one')
  values.write([[1, Buffer.from('eins')]], [])
  expect([values.get(1), values.get(2), values.get(3)].map((found) => found?.length)).toEqual([4, 0, undefined])
  // What was given away is the caller's.
  expect(Buffer.from(one ?? []).toString()).toBe('one')
  await values.close()
  expect(await left()).toEqual([])
})

test('two sessions of a task, one of which seems dead, do not meet', async () => {
  const [zombie, successor] = [await open(), await open()]
  for (let at = 0; at < 5_000; at++) {
    zombie.write([[at, Buffer.from(`zombie ${at}`)]], [])
    successor.write([[at, Buffer.from(`successor ${at}`)]], [])
  }
  await zombie.close()
  expect(Buffer.from(successor.get(4_999) ?? []).toString()).toBe('successor 4999')
  successor.write([[1, Buffer.from('on')]], [])
  await successor.close()
  expect(await left()).toEqual([])
})

test('one whose directory a successor in another process has cleared goes on', async () => {
  const zombie = await open()
  zombie.write([[0, Buffer.from('first')]], [])
  await rm(join(directory, 'n'), { recursive: true })
  // So much that the file has to grow.
  for (let at = 1; at < 3_000; at++) zombie.write([[at, Buffer.alloc(1_000, at)]], [])
  expect(Buffer.from(zombie.get(0) ?? []).toString()).toBe('first')
  expect(Buffer.alloc(1_000, 2_999).equals(zombie.get(2_999) ?? Buffer.alloc(0))).toBe(true)
  await zombie.close()
})

test('what sessions have left that are gone goes: of the task at once, of others soon', async () => {
  const dead = await deadPid()
  await leave(`n/p/main-00000/${nameOf(process.ppid)}`)
  await leave(`n/p/main-00001/${nameOf(dead)}`)
  await leave(`m/other pipeline/stage-00012/${nameOf(dead)}`)
  // An older process had our number.
  await leave(`n/p/main-00002/${nameOf(process.pid)}`)
  await leave(`n/p/main-00003/${nameOf(process.ppid)}`)
  await leave('n/p/main-00003/somebody else')
  await leave('n/somebody else')
  await writeFile(join(directory, 'file'), '')
  const values = await open()
  expect(await left()).toHaveLength(1)
  expect(await left()).not.toContain(nameOf(process.ppid))
  const others = async (): Promise<string[]> =>
    (
      await Promise.all(
        ['n/p/main-00001', 'n/p/main-00002', 'm/other pipeline/stage-00012'].map((at) => readdir(join(directory, at))),
      )
    ).flat()
  await waitUntil(async () => (await others()).length === 0, { for: 'what others have left to go' })
  expect(await left('p', 3)).toEqual(['somebody else', nameOf(process.ppid)])
  expect(await readdir(join(directory, 'n/somebody else'))).toEqual(['values.mdb'])
  values.write([[1, Buffer.from('one')]], [])
  expect(values.get(1)).toHaveLength(3)
  await values.close()
})

test('a worker that is killed in the middle of a write leaves nothing that matters', async () => {
  const child = spawn(process.execPath, [program, directory, 'p'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  child.stdout.on('data', (text: Buffer) => (told += text.toString()))
  await waitUntil(() => told.split('\n').length > 10, { for: 'some writes' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await left()).toHaveLength(1)
  const values = await open()
  expect(values.get(0)).toBeUndefined()
  expect(await left()).toEqual([expect.stringContaining(`values-${process.pid}-`)])
  await values.close()
})

test('where no more can be written, it says so, and what was written can be read and is removed', async () => {
  // No file may be larger than that: a disk that is full as far as the process can tell.
  const limited = 'ulimit -f 8000; exec "$0" "$@"'
  const { stdout } = await promisify(execFile)('sh', ['-c', limited, process.execPath, program, directory, 'p'])
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { failed: string }
  expect(last).toMatchObject({ first: 500, last: 500 })
  expect(last.failed).toMatch(/^.+, with [\d,]+ bytes free there$/)
  expect(await left()).toEqual([])
})

test('its options', () => {
  expect(lmdbStore({ directory: 'state' })).toMatchObject({ kind: 'lmdb', describe: 'directory state', faults: [] })
  const wrong = lmdbStore({ directory: ' ', batch: '1 GiB', extra: 1 } as unknown as { directory: string })
  expect(wrong.faults?.map(({ path, message }) => `${path} ${message}`)).toEqual([
    'directory must be a path',
    'batch must be from 0 to 67108864 bytes',
    'extra is not an option',
  ])
})

test('a batch is written when it is so large', async () => {
  const { signal } = new AbortController()
  const task = { namespace: 'n', pipeline: 'p', stage: 'main', partition: 0, connection: () => undefined, signal }
  for (const [batch, written] of [
    [0, true],
    ['4 MiB', false],
  ] as const) {
    const values = await lmdbStore({ directory, batch }).open(task)
    const shelf = new Shelf(values, (_, cause) => cause as Error)
    const at = shelf.put(Buffer.from('one'))
    expect(values.get(at) !== undefined).toBe(written)
    await shelf.close()
  }
})
