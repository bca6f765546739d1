import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileState } from '../../../../src/connectors/file/file-state.js'
import { segmentStoreTests } from '../segment-stores.js'
import { newDirectory } from './places.js'

const connection = (): never => {
  throw new Error('files need none')
}
let directory: Awaited<ReturnType<typeof newDirectory>>

beforeAll(async () => {
  directory = await newDirectory()
})
afterAll(() => directory.remove())

const task = { namespace: 'n', pipeline: 'p', stage: 's', partition: 0 }
const open = () =>
  fileState({ directory: directory.path }).open({ ...task, connection, signal: new AbortController().signal })

describe('state in files', () => {
  segmentStoreTests(() => ({ backend: fileState({ directory: directory.path }), connection }))
})

test('files of a killed worker are no segments, and go after a day', async () => {
  const store = await open()
  const own = join(directory.path, 'n', 'p', 's-00000')
  const [old, young] = [`${'a'.repeat(64)}.1.new`, `${'b'.repeat(64)}.2.new`]
  await Promise.all([old, young].map((name) => writeFile(join(own, name), 'half')))
  const before = new Date(Date.now() - 25 * 3_600_000)
  await utimes(join(own, old), before, before)
  for await (const { key } of store.list()) throw new Error(`${key} is listed`)
  expect(await readdir(own)).toEqual([young])
})

test('a directory that was taken away is made again', async () => {
  const store = await open()
  await rm(directory.path, { recursive: true })
  await store.put('c'.repeat(64), Buffer.from('c'))
  expect(await store.get('c'.repeat(64))).toEqual(Buffer.from('c'))
})

test('a directory that cannot be there says why', async () => {
  await mkdir(directory.path, { recursive: true })
  await writeFile(join(directory.path, 'n2'), 'a file')
  const backend = fileState({ directory: join(directory.path, 'n2') })
  await expect(backend.open({ ...task, connection, signal: new AbortController().signal })).rejects.toThrow(/ENOTDIR/)
})

test('its options', () => {
  expect(fileState({ directory: 'state' })).toMatchObject({
    kind: 'file',
    describe: 'directory state',
    retainMs: 7 * 86_400_000,
    faults: [],
  })
  expect(fileState({ directory: ' ', retain: '1s', extra: 1 } as unknown as { directory: string }).faults).toEqual([
    expect.objectContaining({ path: 'directory', message: 'must be a path' }),
    expect.objectContaining({ path: 'retain', message: 'must be at least 60000 ms' }),
    expect.objectContaining({ path: 'extra', message: 'is not an option' }),
  ])
})
