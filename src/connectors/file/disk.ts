import { link, mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file that grows until it is synced and closed. */
export interface Appender {
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when all that was written is on the device. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * What the ledger needs of a file system. Each call is one step: between any two of them a process may be stopped,
 * killed, or overtaken by another owner, and tests do just that.
 */
export interface Disk {
  /** Makes `path` and what is missing above it. Resolves when what it made is durable. */
  readonly makeDirectory: (path: string) => Promise<void>
  readonly list: (path: string) => Promise<readonly string[]>
  readonly read: (path: string) => Promise<string>
  /** A whole new file, durable but for its name. Fails with EEXIST if there is one. */
  readonly writeNew: (path: string, content: string) => Promise<void>
  readonly append: (path: string) => Promise<Appender>
  /** The exclusive create: fails with EEXIST if `to` exists, whoever else tries at the same time. */
  readonly link: (from: string, to: string) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  /** Does nothing where nothing is. */
  readonly remove: (path: string) => Promise<void>
  /** Bytes of the file, null where there is none. */
  readonly size: (path: string) => Promise<number | null>
  /** Resolves when names created, renamed and removed in that directory are durable. */
  readonly syncDirectory: (path: string) => Promise<void>
}

/** The code of an operating system's error, '' for anything else. */
export function errno(error: unknown): string {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  return code === undefined || syscall === undefined ? '' : code
}

export const nodeDisk: Disk = {
  // Not Node's `recursive`: where nothing can be made (under /proc, behind a dangling link) that one never ends.
  async makeDirectory(path) {
    if (await made(path, false)) return
    await nodeDisk.makeDirectory(dirname(path))
    await made(path, true)
  },

  list: (path) => readdir(path),
  read: (path) => readFile(path, 'utf8'),

  async writeNew(path, content) {
    const handle = await open(path, 'wx')
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
  },

  append: async (path) => appender(await open(path, 'a')),
  link,
  rename,
  remove: (path) => rm(path, { force: true }),

  async size(path) {
    try {
      return (await stat(path)).size
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return null
      throw error
    }
  },

  async syncDirectory(path) {
    // Windows has no directory handles to sync; NTFS journals names by itself.
    if (process.platform === 'win32') return
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/** Makes one directory, durably, unless it is there. False: what it would be in isn't, though that may be made yet. */
async function made(path: string, last: boolean): Promise<boolean> {
  try {
    await mkdir(path)
  } catch (error) {
    if (errno(error) === 'EEXIST' && (await stat(path)).isDirectory()) return true
    if (errno(error) === 'ENOENT' && !last && dirname(path) !== path) return false
    throw error
  }
  await nodeDisk.syncDirectory(dirname(path))
  return true
}

function appender(handle: FileHandle): Appender {
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
    },
    sync: () => handle.sync(),
    close: () => handle.close(),
  }
}
