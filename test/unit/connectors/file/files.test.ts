import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeDisk, type Disk } from '../../../../src/connectors/file/disk.js'
import { fileSinkDefinition } from '../../../../src/connectors/file/file-sink.js'
import { claimFiles, ownerOf } from './claims.js'
import { newDirectory, outputFiles, outputLines } from './places.js'

/** What lies in the directory: readable by anybody, committed files only. */
let directory: string
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ path: directory, remove } = await newDirectory())
})
afterEach(() => remove())

const entriesOf = (where: string): string => join(where, '.tidemark', 'main-00003', 'entries')
const pendingOf = (where: string): string => join(where, '.tidemark', 'main-00003', 'pending')

describe('names', () => {
  test('say stage, partition, generation and commit, and sort in commit order', async () => {
    const first = await claimFiles<number>({ directory })
    for (const n of [1, 2]) {
      await first.write(n)
      await first.commit()
    }
    await first.writer.close()
    const fresh = await claimFiles<number>({ directory }, { owner: ownerOf(1, 12) })
    await fresh.write(3)
    await fresh.commit()
    expect(await outputFiles(directory)).toEqual([
      'main-00003-g0001-000000000002.jsonl',
      'main-00003-g0001-000000000003.jsonl',
      'main-00003-g0012-000000000005.jsonl',
    ])
    expect(await outputLines(directory)).toEqual([1, 2, 3])
  })

  test('partitions of one sink share a directory', async () => {
    const context = { partition: 4, ledgerKey: 'default/flights/main/4/files' }
    const three = await claimFiles<number>({ directory })
    const four = await claimFiles<number>({ directory }, { context })
    await three.write(3)
    await four.write(4)
    await three.commit()
    await four.commit()
    expect(await outputFiles(directory)).toEqual([
      'main-00003-g0001-000000000002.jsonl',
      'main-00004-g0001-000000000002.jsonl',
    ])
    expect(four.writer.place).toBe(three.writer.place)
  })

  test('paths become directories, one file per path and commit', async () => {
    const flights = ['DE', 'FR', 'DE', 'JP'].map((country, n) => ({ country, n }))
    const path = (flight: { country: string }): string => `v1/country=${flight.country}`
    const claim = await claimFiles({ directory, path })
    await claim.write(...flights)
    await claim.commit()
    const name = 'main-00003-g0001-000000000002.jsonl'
    expect((await outputFiles(directory)).toSorted()).toEqual(
      ['DE', 'FR', 'JP'].map((country) => `v1/country=${country}/${name}`),
    )
    expect(await readFile(join(directory, 'v1/country=DE', name), 'utf8')).toBe(
      '{"country":"DE","n":0}\n{"country":"DE","n":2}\n',
    )
  })

  test('more paths than files may be open at once, over several flushes', async () => {
    let open = 0
    let most = 0
    const disk: Disk = {
      ...nodeDisk,
      async append(path) {
        const appender = await nodeDisk.append(path)
        most = Math.max(most, ++open)
        return { ...appender, close: () => (open--, appender.close()) }
      },
    }
    const claim = await claimFiles({ directory, path: (n: number) => `p${n % 150}` }, { disk, buffered: 300 })
    const values = Array.from({ length: 1_000 }, (_, n) => n)
    await claim.write(...values)
    await claim.commit()
    // 64 while writing, and 4 that are opened once more to be synced.
    expect(most).toBeGreaterThanOrEqual(64)
    expect(most).toBeLessThanOrEqual(68)
    expect(open).toBe(0)
    expect(await outputFiles(directory)).toHaveLength(150)
    expect((await outputLines<number>(directory)).toSorted((a, b) => a - b)).toEqual(values)
  })

  test('of another format, with an extension of its own', async () => {
    const format = { encode: (value: string) => Buffer.from(value) }
    const claim = await claimFiles<string>({ directory, format, extension: 'csv' })
    await claim.write('a,b', 'c,d\n')
    await claim.commit()
    expect(await readFile(join(directory, 'main-00003-g0001-000000000002.csv'), 'utf8')).toBe('a,b\nc,d\n')
  })
})

describe('files', () => {
  test('larger than what is kept in memory arrive whole', async () => {
    const claim = await claimFiles<{ n: number; text: string }>({ directory })
    const values = Array.from({ length: 5_000 }, (_, n) => ({ n, text: 'ä'.repeat(500) }))
    await claim.write(...values)
    await claim.commit()
    expect(await outputLines(directory)).toEqual(values)
  })

  test('are what their entry says: bytes, records and checksum', async () => {
    const claim = await claimFiles<string>({ directory }, { buffered: 10 })
    await claim.write('one', 'two', 'three')
    await claim.commit()
    const entry = JSON.parse(await readFile(join(entriesOf(directory), '000000000002.json'), 'utf8')) as {
      files: { file: string; bytes: number; records: number; crc32: number }[]
    }
    const [file] = entry.files
    const bytes = await readFile(join(directory, file?.file ?? ''))
    expect(file).toMatchObject({ bytes: bytes.length, records: 3, crc32: crc32(bytes) })
  })

  test('that a reader takes away do not come again', async () => {
    const first = await claimFiles<number>({ directory })
    await first.write(1)
    await first.commit()
    for (const file of await outputFiles(directory)) await rm(join(directory, file))
    const second = await claimFiles<number>({ directory }, { claim: 2 })
    expect(await outputFiles(directory)).toEqual([])
    expect(second.writer.receipt?.positions).toEqual({ in: '1' })
  })

  test('a reader may take empty directories away between commits', async () => {
    const claim = await claimFiles<number>({ directory, path: () => 'a/b' })
    for (const n of [1, 2]) {
      await claim.write(n)
      await claim.commit()
      expect(await outputLines(directory)).toEqual([n])
      await rm(join(directory, 'a'), { recursive: true })
    }
  })

  test('and even between making one and renaming into it', async () => {
    let taken = 0
    const disk: Disk = {
      ...nodeDisk,
      async rename(from, to) {
        if (taken++ < 3) await rm(join(directory, 'a'), { recursive: true })
        await nodeDisk.rename(from, to)
      },
    }
    const claim = await claimFiles<number>({ directory, path: () => 'a/b' }, { disk })
    await claim.write(1)
    await claim.commit()
    expect(await outputLines(directory)).toEqual([1])
  })
})

describe('what is kept beside them', () => {
  test('stays small over many commits, and holds nothing that is not needed', async () => {
    const claim = await claimFiles<number>({ directory })
    for (let n = 0; n < 40; n++) {
      await claim.write(n)
      await claim.commit()
    }
    expect(await readdir(entriesOf(directory))).toEqual(Array.from({ length: 8 }, (_, n) => `0000000000${n + 34}.json`))
    expect(await readdir(pendingOf(directory))).toEqual([])
    expect(await readdir(join(directory, '.tidemark'))).toEqual(['directory.json', 'main-00003'])
  })

  test('what a dead owner left is cleared away by the next', async () => {
    const dead = await claimFiles<number>({ directory }, { buffered: 1 })
    await dead.write(1, 2)
    expect(await readdir(pendingOf(directory))).toHaveLength(1)
    await writeFile(join(pendingOf(directory), 'notes.txt'), 'not ours')
    await claimFiles<number>({ directory }, { claim: 2 })
    expect(await readdir(pendingOf(directory))).toEqual(['notes.txt'])
    await dead.writer.close()
  })

  test('a directory keeps its id, also when many come first at once', async () => {
    const partitions = [0, 1, 2, 3, 4, 5]
    const claims = await Promise.all(
      partitions.map((partition) => {
        const context = { partition, ledgerKey: `default/flights/main/${partition}/files` }
        return claimFiles<number>({ directory }, { context })
      }),
    )
    expect(new Set(claims.map(({ writer }) => writer.place)).size).toBe(1)
    const other = await newDirectory()
    const elsewhere = await claimFiles<number>({ directory: other.path })
    expect(elsewhere.writer.place).not.toBe(claims[0]?.writer.place)
    await other.remove()
  })

  test('inspecting what is not there says so, and makes nothing', async () => {
    const nowhere = join(directory, 'not', 'there')
    const { sink } = await claimFiles<number>({ directory })
    expect(await sink.inspect({ ...inspected, partition: 9 })).toBeNull()
    expect(await fileSinkDefinition({ directory: nowhere }, nodeDisk, 1).inspect(inspected)).toBeNull()
    expect(await readdir(directory)).toEqual(['.tidemark'])
  })
})

const inspected = {
  pipeline: 'flights',
  stage: 'main',
  partition: 3,
  ledgerKey: 'default/flights/main/3/files',
  sinks: ['files'],
  signal: new AbortController().signal,
  connection: () => undefined,
}
