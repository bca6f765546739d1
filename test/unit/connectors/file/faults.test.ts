import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeDisk, type Disk } from '../../../../src/connectors/file/disk.js'
import { claimFiles, ownerOf } from './claims.js'
import { newDirectory, outputFiles, outputLines } from './places.js'

/** What the file sink says when the disk, or somebody else, isn't what it should be. */
let directory: string
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ path: directory, remove } = await newDirectory())
})
afterEach(() => remove())

const hidden = (...parts: readonly string[]): string => join(directory, '.tidemark', ...parts)
const entry = (seq: number): string => hidden('main-00003', 'entries', `${String(seq).padStart(12, '0')}.json`)

async function committed(count: number): Promise<void> {
  const claim = await claimFiles<number>({ directory })
  for (let n = 1; n < count; n++) {
    await claim.write(n)
    await claim.commit()
  }
  await claim.writer.close()
}

describe('ForeignReceipt', () => {
  test.each([
    ['no JSON', 'oh'],
    ['something else', '{"version":1}'],
    ['a newer version', '{"version":2}'],
  ])('for an entry that is %s', async (_, content) => {
    await committed(3)
    await writeFile(entry(3), content)
    await expect(claimFiles({ directory }, { claim: 2 })).rejects.toMatchObject({ code: 'ForeignReceipt' })
    expect(await outputLines(directory)).toEqual([1, 2])
  })

  test('for an entry that would rename files outside the directory', async () => {
    await committed(3)
    const text = await readFile(entry(3), 'utf8')
    await writeFile(entry(3), text.replace('"main-00003-g0001', '"../main-00003-g0001'))
    await expect(claimFiles({ directory }, { claim: 2 })).rejects.toMatchObject({
      code: 'ForeignReceipt',
      message: expect.stringContaining('not a path below the directory') as string,
    })
  })

  test('for a file that is no entry among them', async () => {
    await committed(3)
    await writeFile(hidden('main-00003', 'entries', 'copy of 3.json'), '{}')
    await expect(claimFiles({ directory }, { claim: 2 })).rejects.toMatchObject({ code: 'ForeignReceipt' })
  })

  test('for an entry that does not continue the one before it', async () => {
    await committed(4)
    const text = await readFile(entry(3), 'utf8')
    await writeFile(entry(3), text.replace(/"nonce": "[^"]+"/, '"nonce": "another"'))
    await expect(claimFiles({ directory }, { claim: 2 })).rejects.toMatchObject({
      code: 'ForeignReceipt',
      message: expect.stringContaining('entry 4 does not continue entry 3') as string,
    })
  })

  test('for two pipelines in one directory: the second is refused, the first goes on', async () => {
    const first = await claimFiles<number>({ directory })
    const context = { pipeline: 'trains', ledgerKey: 'default/trains/main/3/files' }
    await expect(claimFiles<number>({ directory }, { context })).rejects.toMatchObject({
      code: 'ForeignReceipt',
      retryable: false,
      message: expect.stringContaining('default/flights/main/3/files') as string,
    })
    await first.write(1)
    await first.commit()
    expect(await outputLines(directory)).toEqual([1])
  })

  test('for a file in the place of an output: neither is lost', async () => {
    const claim = await claimFiles<number>({ directory })
    const mine = 'main-00003-g0001-000000000002.jsonl'
    await writeFile(join(directory, mine), '"not ours"\n')
    await claim.write(1)
    await expect(claim.commit()).rejects.toMatchObject({ code: 'ForeignReceipt' })
    await claim.writer.close()
    await expect(claimFiles({ directory }, { claim: 2 })).rejects.toMatchObject({ code: 'ForeignReceipt' })
    expect(await outputLines(directory)).toEqual(['not ours'])
    await rm(join(directory, mine))
    const next = await claimFiles<number>({ directory }, { claim: 3 })
    expect(next.writer.receipt?.positions).toEqual({ in: '1' })
    expect(await outputLines(directory)).toEqual([1])
  })

  test('for a directory id that is none', async () => {
    await mkdir(hidden())
    await writeFile(hidden('directory.json'), '{"version":1,"id":"x"}')
    await expect(claimFiles({ directory })).rejects.toMatchObject({ code: 'ForeignReceipt' })
  })

  test('for a pending file that is shorter than committed', async () => {
    const claim = await claimFiles<number>({ directory }, { disk: { ...nodeDisk, rename: failing('rename', 'EIO') } })
    await claim.write(1, 2, 3)
    await expect(claim.commit()).rejects.toMatchObject({ code: 'SinkUnavailable' })
    await claim.writer.close()
    const pending = hidden('main-00003', 'pending')
    for (const name of await readdir(pending)) await writeFile(join(pending, name), '1\n')
    await expect(claimFiles({ directory }, { claim: 2 })).rejects.toMatchObject({ code: 'ForeignReceipt' })
    expect(await outputFiles(directory)).toEqual([])
  })
})

/** The error that Node throws when a call of the operating system fails. */
const failing = (syscall: string, code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(`${code}: ${syscall}`), { code, syscall, errno: -1 })
}

describe('a commit that fails in any other way', () => {
  test.each([
    ['writeNew', 'ENOSPC', 'SinkUnavailable'],
    ['append', 'ENOSPC', 'SinkUnavailable'],
    ['append', 'EMFILE', 'SinkUnavailable'],
    ['link', 'EIO', 'SinkUnavailable'],
    ['syncDirectory', 'EIO', 'SinkUnavailable'],
    ['rename', 'EIO', 'SinkUnavailable'],
    ['append', 'EACCES', 'SinkUnauthorized'],
    ['writeNew', 'EROFS', 'SinkUnauthorized'],
  ] as const)('in %s with %s is %s, with its cause', async (call, code, expected) => {
    let broken = false
    const disk: Disk = {
      ...nodeDisk,
      [call]: (...args: [never, never]) => (broken ? failing(call, code)() : nodeDisk[call](...args)),
    }
    const claim = await claimFiles<number>({ directory }, { disk })
    await claim.write(1)
    broken = true
    await expect(claim.commit()).rejects.toMatchObject({
      code: expected,
      retryable: expected === 'SinkUnavailable',
      details: { pipeline: 'flights', stage: 'main', partition: 3, sink: 'files', target: `directory ${directory}` },
      cause: { code },
    })
    broken = false
    await claim.writer.close()
    const next = await claimFiles<number>({ directory }, { claim: 2 })
    expect(await outputLines(directory)).toEqual(next.writer.receipt?.positions['in'] === '1' ? [1] : [])
  })

  test('also when the whole ledger is taken away under it', async () => {
    const claim = await claimFiles<number>({ directory })
    await claim.write(1)
    await rm(hidden(), { recursive: true })
    await expect(claim.commit()).rejects.toMatchObject({ code: 'SinkUnavailable' })
  })

  test('or only what it was about to commit: then it has not committed', async () => {
    const claim = await claimFiles<number>({ directory }, { buffered: 1 })
    await claim.write(1)
    const pending = hidden('main-00003', 'pending')
    for (const name of await readdir(pending)) await rm(join(pending, name))
    await expect(claim.commit()).rejects.toMatchObject({ code: 'SinkUnavailable' })
    await claim.writer.close()
    const next = await claimFiles<number>({ directory }, { claim: 2 })
    expect(next.writer.receipt?.positions).toEqual({ in: '0' })
  })

  test('or the entries while it opens: it ends', async () => {
    const disk: Disk = {
      ...nodeDisk,
      async link(from, to) {
        if (to.includes('entries')) await rm(hidden('main-00003', 'entries'), { recursive: true, force: true })
        await nodeDisk.link(from, to)
      },
    }
    await expect(claimFiles({ directory }, { disk })).rejects.toMatchObject({ code: 'SinkUnavailable' })
  })

  test('or is put back to an older one under it: nobody can tell what is in', async () => {
    await committed(3)
    const claim = await claimFiles<number>({ directory }, { claim: 2 })
    for (const seq of [3, 4]) await rm(entry(seq))
    await claim.write(1)
    await expect(claim.commit()).rejects.toMatchObject({
      code: 'ForeignReceipt',
      message: expect.stringContaining('entry 5 does not continue anything') as string,
    })
  })
})

test('a link that is made and reported as there already, as network file systems do, is one’s own', async () => {
  const disk: Disk = {
    ...nodeDisk,
    async link(from, to) {
      await nodeDisk.link(from, to)
      await nodeDisk.link(from, to)
    },
  }
  const claim = await claimFiles<number>({ directory }, { disk })
  await claim.write(1)
  await claim.commit()
  expect(await outputLines(directory)).toEqual([1])
})

describe('a directory that cannot be', () => {
  test.each(['EPERM', 'ENOTSUP', 'ENOSYS'])('because there are no hard links (%s) is named so', async (code) => {
    const disk = { ...nodeDisk, link: failing('link', code) }
    await expect(claimFiles({ directory }, { disk })).rejects.toMatchObject({
      code: 'SinkUnauthorized',
      message: expect.stringContaining('hard links') as string,
    })
  })

  test('because a file is in the way', async () => {
    await writeFile(join(directory, 'file'), '')
    for (const inside of ['file', 'file/deeper']) {
      await expect(claimFiles({ directory: join(directory, inside) })).rejects.toMatchObject({
        code: 'SinkUnauthorized',
        retryable: false,
      })
    }
  })

  test('because nothing can be made there', async () => {
    await expect(claimFiles({ directory: '/proc/tidemark/out' })).rejects.toMatchObject({ code: 'SinkUnauthorized' })
  })

  test('because a link leads nowhere', async () => {
    await symlink(join(directory, 'nowhere', 'deeper'), join(directory, 'link'))
    await expect(claimFiles({ directory: join(directory, 'link', 'out') })).rejects.toMatchObject({
      code: 'SinkUnauthorized',
    })
  })

  test('because the name is too long', async () => {
    await expect(claimFiles({ directory: join(directory, 'x'.repeat(300)) })).rejects.toMatchObject({
      code: 'SinkUnauthorized',
    })
  })

  test('because the disk is full: may be tried again', async () => {
    const disk = { ...nodeDisk, makeDirectory: failing('mkdir', 'ENOSPC') }
    await expect(claimFiles({ directory }, { disk })).rejects.toMatchObject({
      code: 'SinkUnavailable',
      retryable: true,
    })
  })
})

describe('what is not the disk’s is thrown as it is', () => {
  test('an abort', async () => {
    const signal = AbortSignal.abort(new Error('gone'))
    await expect(claimFiles({ directory }, { context: { signal } })).rejects.toThrow('gone')
  })

  test('a receipt out of order', async () => {
    const claim = await claimFiles<number>({ directory })
    const receipt = await claim.commit()
    await expect(claim.writer.commit(receipt)).rejects.toThrow(RangeError)
    await expect(claimFiles({ directory }, { context: { fence: () => receipt } })).rejects.toThrow(RangeError)
  })

  test('GenerationFenced, with the owner that has the ledger', async () => {
    const older = await claimFiles<number>({ directory })
    await claimFiles<number>({ directory }, { claim: 2 })
    await expect(older.commit()).rejects.toMatchObject({
      code: 'GenerationFenced',
      details: { owner: ownerOf(1), ledgerOwner: ownerOf(2), sink: 'files' },
    })
  })
})
