import { statfsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type * as Lmdb from 'lmdb'
import { z } from 'zod'
import { bytesSchema, faultsOf } from '../../definition/faults-of.js'
import type { StateStore, ValueStore } from '../../definition/state-store.js'
import { reasonOf } from '../../errors/base.js'
import { type Bytes, parseBytes } from '../../units.js'
import { taskPath } from '../state-options.js'
import { makeSessionDirectory, removeSessionDirectory } from './session-directory.js'

export interface LmdbStoreOptions {
  /**
   * Where to put it, on a disk of the worker's own; relative to its working directory. Made if it isn't there. Workers and
   * pipelines may share it. Nothing in it is needed once its workers are gone.
   */
  readonly directory: string
  /**
   * So many bytes of values wait in memory to be written together, in each session. More of them cost less disk where
   * values are small and change all over a large state. 0 to '64 MiB'. Default: '4 MiB'.
   */
  readonly batch?: Bytes
}

const schema = z.strictObject(
  {
    directory: z.string('must be a path').refine((path) => path.trim() !== '', 'must be a path'),
    batch: bytesSchema(0, 64 * 1024 * 1024).optional(),
  },
  'must be an object of options',
)

/**
 * Keeps values of state in LMDB files instead of memory: `<directory>/<namespace>/<pipeline>/<stage>-<partition>/values-<process>-<session>`.
 * Needs the package `lmdb`. Never synced: it is built anew from the checkpoint at each claim, and removed with its session.
 */
export function lmdbStore(options: LmdbStoreOptions): StateStore {
  const { directory, batch = '4 MiB' } = options
  return {
    kind: 'lmdb',
    describe: `directory ${directory}`,
    faults: faultsOf(schema, options, ''),
    async open(ctx) {
      const { open } = await loadLmdb()
      const own = await makeSessionDirectory(resolve(directory), taskPath(ctx))
      try {
        return valuesIn(open({ path: join(own, 'values.mdb'), ...settings }), own, parseBytes(batch) ?? 0)
      } catch (error) {
        await removeSessionDirectory(own)
        throw error
      }
    },
  }
}

const settings = {
  noSubdir: true,
  encoding: 'binary',
  keyEncoding: 'uint32',
  noSync: true,
  // Reads come in no order.
  noReadAhead: true,
} as const

/** Only here: the package is optional, and definitions are imported where it isn't needed. */
async function loadLmdb(): Promise<typeof Lmdb> {
  try {
    return await import('lmdb')
  } catch (error) {
    throw new Error("the package 'lmdb' can't be loaded: install it beside tidemark", { cause: error })
  }
}

function valuesIn(database: Lmdb.RootDatabase<Buffer, number>, directory: string, batchBytes: number): ValueStore {
  return {
    batchBytes,

    get: (at) => database.getBinary(at),

    write(puts, removed) {
      try {
        database.transactionSync(() => {
          for (const at of removed) database.removeSync(at)
          // In their order what lies on one page is written one after the other.
          const inOrder = [...puts].toSorted(([a], [b]) => a - b)
          for (const [at, bytes] of inOrder) database.putSync(at, bytes as Buffer)
        })
      } catch (error) {
        // Of a full disk LMDB says `Input/output error` where half of a page still had room.
        throw new Error(`${reasonOf(error)}, with ${freeBytesAt(directory)} bytes free there`, { cause: error })
      }
    },

    async close() {
      try {
        await database.close()
      } finally {
        await removeSessionDirectory(directory)
      }
    },
  }
}

function freeBytesAt(directory: string): string {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return (bavail * bsize).toLocaleString('en')
  } catch {
    return 'an unknown number of'
  }
}
