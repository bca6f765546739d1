import { randomUUID } from 'node:crypto'
import { open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { faultsOf } from '../../definition/faults-of.js'
import type { SegmentStore, StateBackend } from '../../definition/state-backend.js'
import { isSegmentKey, type RetainOption, retainMsOf, retainSchema, taskPath } from '../state-options.js'
import { errno, nodeDisk } from './disk.js'

export interface FileStateOptions extends RetainOption {
  /**
   * Where to keep it; relative to the worker's working directory. Made if it isn't there. Every worker must see the same
   * one; pipelines may share it.
   */
  readonly directory: string
}

const schema = z.strictObject(
  {
    directory: z.string('must be a path').refine((path) => path.trim() !== '', 'must be a path'),
    retain: retainSchema,
  },
  'must be an object of options',
)

/**
 * Keeps state in files: `<directory>/<namespace>/<pipeline>/<stage>-<partition>/<SHA-256>`. A file is synced, and then gets
 * its name; it never changes.
 */
export function fileState(options: FileStateOptions): StateBackend {
  const { directory } = options
  return {
    kind: 'file',
    describe: `directory ${directory}`,
    retainMs: retainMsOf(options),
    faults: faultsOf(schema, options, ''),
    async open(ctx) {
      const own = join(resolve(directory), ...taskPath(ctx))
      await nodeDisk.makeDirectory(own)
      return storeIn(own)
    },
  }
}

/** What a worker that was killed has left: no file is written for that long, in ms. */
const LEFT_BEHIND_MS = 24 * 3_600_000

function storeIn(directory: string): SegmentStore {
  const pathOf = (key: string): string => join(directory, key)
  const touch = (key: string): Promise<void> => utimes(pathOf(key), new Date(), new Date())
  return {
    async put(key, blob) {
      // Somebody may have cleared it away.
      await nodeDisk.makeDirectory(directory)
      const temporary = pathOf(`${key}.${randomUUID()}.new`)
      try {
        const handle = await open(temporary, 'wx')
        try {
          await handle.writeFile(blob)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(temporary, pathOf(key))
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      await nodeDisk.syncDirectory(directory)
    },

    get: (key) => orNull(readFile(pathOf(key))),

    async *list() {
      for (const name of (await orNull(readdir(directory))) ?? []) {
        const found = await orNull(stat(join(directory, name)))
        if (found === null) continue
        if (isSegmentKey(name)) yield { key: name, bytes: found.size, at: found.mtimeMs }
        else if (name.endsWith('.new') && Date.now() - found.mtimeMs > LEFT_BEHIND_MS) {
          await rm(join(directory, name), { force: true })
        }
      }
    },

    async touch(keys) {
      for (const key of keys) await orNull(touch(key))
    },

    async delete(keys) {
      for (const key of keys) await rm(pathOf(key), { force: true })
    },

    async close() {},
  }
}

/** Null where there is no such file. */
async function orNull<R>(work: Promise<R>): Promise<R | null> {
  try {
    return await work
  } catch (error) {
    if (errno(error) === 'ENOENT') return null
    throw error
  }
}
