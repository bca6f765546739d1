import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Appender, Disk } from './disk.js'
import type { CommittedFile } from './entry.js'
import { finalName, pendingName, type Layout } from './layout.js'
import type { Line } from '../lines/line.js'

/** Bytes kept in memory before they are written, over all files of a writer. */
export const BUFFERED = 1024 * 1024
/** Files of one commit that are open at once; with one path there is one. */
const OPEN = 64
/** Files synced at once: enough to share a journal commit, few enough for the thread pool. */
const SYNCING = 4

interface PendingFile {
  readonly name: string
  readonly path: string
  chunks: Uint8Array[]
  bytes: number
  crc: number
  records: number
  handle: Appender | null
}

/** The files of the commit that is being prepared: one per path, invisible to readers. */
export class PendingFiles {
  readonly #disk: Disk
  readonly #layout: Layout
  readonly #fence: number
  readonly #limit: number
  #files = new Map<string, PendingFile>()
  #open: PendingFile[] = []
  #buffered = 0

  constructor(disk: Disk, layout: Layout, fence: number, limit: number) {
    this.#disk = disk
    this.#layout = layout
    this.#fence = fence
    this.#limit = limit
  }

  /** Keeps a line in memory. True: it is time to `flush`. */
  add(line: Line): boolean {
    let file = this.#files.get(line.path)
    if (file === undefined) {
      const name = pendingName(this.#fence, randomUUID(), 'part')
      file = { name, path: line.path, chunks: [], bytes: 0, crc: 0, records: 0, handle: null }
      this.#files.set(line.path, file)
    }
    const data = line.from === 0 ? line.bytes : line.bytes.subarray(line.from)
    file.chunks.push(data)
    file.records++
    this.#buffered += data.length
    return this.#buffered >= this.#limit
  }

  /** Hands what is in memory to the operating system. */
  async flush(): Promise<void> {
    this.#buffered = 0
    for (const file of this.#files.values()) {
      if (file.chunks.length === 0) continue
      const bytes = Buffer.concat(file.chunks)
      file.chunks = []
      file.bytes += bytes.length
      file.crc = crc32(bytes, file.crc)
      await (await this.#handle(file)).write(bytes)
    }
  }

  /** All of it on the device, names included. Says what the entry has to name. */
  async sync(generation: number, seq: number): Promise<readonly CommittedFile[]> {
    await this.flush()
    const files = [...this.#files.values()]
    for (let at = 0; at < files.length; at += SYNCING) {
      await Promise.all(files.slice(at, at + SYNCING).map((file) => this.#sync(file)))
    }
    if (files.length > 0) await this.#disk.syncDirectory(this.#layout.pending)
    return files.map(({ name, path, bytes, crc, records }) => {
      return { pending: name, file: finalName(this.#layout, path, generation, seq), bytes, crc32: crc, records }
    })
  }

  /** Whether they are still there, whole: a newer owner clears them away, and so may a person. */
  async intact(files: readonly CommittedFile[]): Promise<boolean> {
    for (const { pending, bytes } of files) {
      if ((await this.#disk.size(join(this.#layout.pending, pending))) !== bytes) return false
    }
    return true
  }

  /** Begins anew; what was there belongs to the ledger now. */
  forget(): void {
    this.#files = new Map()
    this.#buffered = 0
  }

  /** Begins anew; what was there is deleted. */
  async drop(): Promise<void> {
    const files = [...this.#files.values()]
    this.forget()
    await this.close()
    for (const file of files) await this.#disk.remove(join(this.#layout.pending, file.name))
  }

  async close(): Promise<void> {
    const handles = this.#open.map((file) => file.handle)
    for (const file of this.#open) file.handle = null
    this.#open = []
    for (const handle of handles) await handle?.close()
  }

  async #sync(file: PendingFile): Promise<void> {
    // A file that had to be closed in between is opened once more: fsync is about the file, not about the handle.
    const handle = file.handle ?? (await this.#disk.append(join(this.#layout.pending, file.name)))
    file.handle = null
    this.#open = this.#open.filter((other) => other !== file)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  async #handle(file: PendingFile): Promise<Appender> {
    if (file.handle !== null) return file.handle
    if (this.#open.length >= OPEN) {
      const oldest = this.#open.shift()
      const handle = oldest?.handle
      if (oldest !== undefined) oldest.handle = null
      await handle?.close()
    }
    const handle = await this.#disk.append(join(this.#layout.pending, file.name))
    file.handle = handle
    this.#open.push(file)
    return handle
  }
}
