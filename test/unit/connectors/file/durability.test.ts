import { basename, dirname, relative } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeDisk, type Disk } from '../../../../src/connectors/file/disk.js'
import { claimFiles } from './claims.js'
import { newDirectory } from './places.js'

/** A power cut takes what wasn't synced: what is on the device before what, step by step. */
let directory: string
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ path: directory, remove } = await newDirectory())
})
afterEach(() => remove())

/** A disk that writes down its steps, names without what differs from run to run. */
function recorded(steps: string[]): Disk {
  const place = (path: string): string =>
    (relative(directory, path) || '.')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, '*')
      .replace('.tidemark/main-00003/', '')
  const note = (step: string): void => void steps.push(step)
  return {
    ...nodeDisk,
    async append(path) {
      const appender = await nodeDisk.append(path)
      return {
        ...appender,
        async sync() {
          await appender.sync()
          note(`sync ${place(path)}`)
        },
      }
    },
    async writeNew(path, content) {
      await nodeDisk.writeNew(path, content)
      note(`sync ${place(path)}`)
    },
    async link(from, to) {
      await nodeDisk.link(from, to)
      note(`create ${place(to)}`)
    },
    async rename(from, to) {
      await nodeDisk.rename(from, to)
      note(`rename to ${place(dirname(to))}/${basename(to)}`)
    },
    async syncDirectory(path) {
      await nodeDisk.syncDirectory(path)
      note(`sync names of ${place(path)}`)
    },
  }
}

test('a commit: data, its name, the entry, the entry’s name; then the final name', async () => {
  const steps: string[] = []
  const claim = await claimFiles<number>({ directory, path: () => 'a/b' }, { disk: recorded(steps) })
  await claim.write(1)
  steps.length = 0
  await claim.commit()
  expect(steps).toEqual([
    'sync pending/000000000001-*.part',
    'sync names of pending',
    'sync pending/000000000001-*.entry',
    'create entries/000000000002.json',
    'sync names of entries',
    'rename to a/b/main-00003-g0001-000000000002.jsonl',
    'sync names of a/b',
    'sync names of a',
    'sync names of .',
    'sync names of pending',
  ])
})

test('an opening: all directories down to the ledger, then the fence entry and its name', async () => {
  const steps: string[] = []
  await claimFiles<number>({ directory }, { disk: recorded(steps) })
  expect(steps).toEqual([
    'sync names of .tidemark/main-00003',
    'sync names of .tidemark',
    'sync names of .',
    'sync .tidemark/directory-*.new',
    'create .tidemark/directory.json',
    'sync names of .tidemark',
    'sync pending/000000000001-*.entry',
    'create entries/000000000001.json',
    'sync names of entries',
  ])
})

test('what another owner renamed is synced again by the next opening: it may have been stopped before it could', async () => {
  const first = await claimFiles<number>({ directory })
  await first.write(1)
  await first.commit()
  const steps: string[] = []
  await claimFiles<number>({ directory }, { claim: 2, disk: recorded(steps) })
  expect(steps.slice(-3)).toEqual(['sync names of entries', 'sync names of .', 'sync names of pending'])
})
