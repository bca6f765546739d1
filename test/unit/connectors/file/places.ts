import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Appender, Disk } from '../../../../src/connectors/file/disk.js'
import { before } from '../stepped.js'

/** A new directory, and what removes it. */
export async function newDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-file-'))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Files that match `*.jsonl` anywhere under the directory, hidden places included, by name without directory. */
export async function outputFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true })
  const base = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
  return names.filter((name) => name.endsWith('.jsonl')).toSorted((a, b) => (base(a) < base(b) ? -1 : 1))
}

/** What a reader sees: each line of those files, in commit order. */
export async function outputLines<T>(directory: string): Promise<readonly T[]> {
  const files = await outputFiles(directory)
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
  return texts.flatMap((text) => text.split('\n').slice(0, -1)).map((line) => JSON.parse(line) as T)
}

/** The disk with `step` awaited before each of its steps. */
export function steppedDisk(disk: Disk, step: () => Promise<void>): Disk {
  const stepped = before(step)
  return {
    makeDirectory: stepped(disk.makeDirectory),
    list: stepped(disk.list),
    read: stepped(disk.read),
    writeNew: stepped(disk.writeNew),
    append: stepped(async (path) => steppedAppender(await disk.append(path), step)),
    link: stepped(disk.link),
    rename: stepped(disk.rename),
    remove: stepped(disk.remove),
    size: stepped(disk.size),
    syncDirectory: stepped(disk.syncDirectory),
  }
}

/** Closing isn't stepped: what a killed process had open is closed with it. */
function steppedAppender(appender: Appender, step: () => Promise<void>): Appender {
  return {
    async write(bytes) {
      await step()
      await appender.write(bytes)
    },
    async sync() {
      await step()
      await appender.sync()
    },
    close: () => appender.close(),
  }
}
