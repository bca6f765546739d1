import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

import { committedFiles } from '../../oracle/read-output.js'

/** One link of a ledger's chain, as it lies on the disk. Read without any code of the library. */
export interface Commit {
  readonly partition: number
  readonly seq: number
  /** When it was made, in ms since the epoch, by the file system's clock. */
  readonly at: number
  readonly owner: {
    readonly generation: number
    readonly incarnation: number
    readonly claim: number
    readonly runId: string
  }
  /** Null: of a generation's first fence. */
  readonly epoch: number | null
  /** Entries right before it that had been pruned before anybody looked: nothing is known of them. */
  readonly unseen: number
  /** Next offset to read. */
  readonly position: number
  readonly files: readonly {
    readonly file: string
    readonly bytes: number
    readonly crc32: number
    readonly records: number
  }[]
}

/** The parts of a ledger entry that are looked at. */
interface Entry {
  readonly seq: number
  readonly receipt: Pick<Commit, 'owner' | 'epoch'> & { readonly positions: Readonly<Record<string, string>> }
  readonly files: Commit['files']
}

const LOOK_MS = 20
const ENTRY = /^\d{12}\.json$/

/** Watches a file sink's ledgers from their first entry on: entries are pruned later, here none is forgotten. */
export class CommitWatch {
  private readonly directory: string
  private readonly byPartition = new Map<number, Commit[]>()
  private readonly seen = new Set<string>()
  private readonly looking: Promise<void>
  private stopped = false

  constructor(directory: string) {
    this.directory = directory
    this.looking = this.watch()
    this.looking.catch(() => undefined)
  }

  /** In the order of their commit. */
  of(partition: number): readonly Commit[] {
    return this.byPartition.get(partition) ?? []
  }

  newest(partition: number): Commit | undefined {
    return this.of(partition).at(-1)
  }

  /** With outputs in it: fences, and commits of records that came to nothing, are none. */
  dataOf(partition: number): readonly Commit[] {
    return this.of(partition).filter((commit) => commit.files.length > 0)
  }

  /** Looks a last time, then no more. Rejects with what a look ran into. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.looking
    await this.look()
  }

  /** What contradicts PROTOCOL §8, 5 and 6, or the promise that a committed file stays as it is. Call it after `stop`. */
  async faults(): Promise<string[]> {
    const faults: string[] = []
    const files = new Set<string>()
    const unseen = new Set<string>()
    for (const [partition, commits] of this.byPartition) {
      let before: Commit | undefined
      for (const commit of commits) {
        const name = `partition ${partition}, entry ${commit.seq}`
        const last = (before?.seq ?? 0) + commit.unseen
        if (commit.seq !== last + 1) faults.push(`${name} follows entry ${last}`)
        for (let seq = commit.seq - commit.unseen; seq < commit.seq; seq++) unseen.add(`${partition}/${seq}`)
        const order = before === undefined ? 1 : compareOwners(commit.owner, before.owner)
        if (order < 0) faults.push(`${name} is of an older owner than the entry before`)
        if (order > 0 && commit.unseen === 0 && commit.files.length > 0)
          faults.push(`${name} is the first of its owner, and no fence`)
        for (const file of commit.files) {
          files.add(file.file)
          faults.push(...(await this.faultsOf(name, file)))
        }
        before = commit
      }
    }
    for (const file of await committedFiles(this.directory)) {
      if (!files.has(file) && !unseen.has(placeOf(file))) faults.push(`${file} is in no entry of a ledger`)
    }
    return faults
  }

  private async faultsOf(name: string, { file, bytes, crc32: sum }: Commit['files'][number]): Promise<string[]> {
    try {
      const content = await readFile(join(this.directory, file))
      return content.length === bytes && crc32(content) === sum ? [] : [`${name}: ${file} is not what was committed`]
    } catch (error) {
      return [`${name}: ${file} can't be read: ${String(error)}`]
    }
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      await this.look()
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  private async look(): Promise<void> {
    const hidden = join(this.directory, '.tidemark')
    for (const ledger of await names(hidden)) {
      const [, digits] = /-(\d{5})$/.exec(ledger) ?? []
      if (digits === undefined) continue
      const partition = Number(digits)
      const entries = join(hidden, ledger, 'entries')
      const listed = (await names(entries)).filter((one) => ENTRY.test(one)).toSorted()
      const newest = this.newest(partition)?.seq ?? 0
      // Entries are pruned from the oldest on: where the oldest that is there is new, some have come and gone.
      let unseen = Math.max(0, Number.parseInt(listed[0] ?? '', 10) - newest - 1 || 0)
      for (const name of listed) {
        const path = join(entries, name)
        if (this.seen.has(path)) continue
        unseen = (await this.take(partition, path, unseen)) ? 0 : unseen + 1
      }
    }
  }

  /** False: it has been pruned since it was listed. */
  private async take(partition: number, path: string, unseen: number): Promise<boolean> {
    let text: string
    let at: number
    try {
      // Its link was made, and its temporary name removed, at that time; nothing touches it later.
      ;[text, at] = await Promise.all([readFile(path, 'utf8'), stat(path).then((found) => found.ctimeMs)])
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    this.seen.add(path)
    const { seq, receipt, files } = JSON.parse(text) as Entry
    const { owner, epoch, positions } = receipt
    const commit = { partition, seq, at, owner, epoch, unseen, position: Number(Object.values(positions)[0]), files }
    const known = this.byPartition.get(partition)
    if (known === undefined) this.byPartition.set(partition, [commit])
    else known.push(commit)
    return true
  }
}

/** As the name of a file tells it: partition and seq. */
function placeOf(file: string): string {
  const [, partition, seq] = /-(\d{5})-g\d{4,}-(\d{12})\./.exec(file) ?? []
  return `${Number(partition)}/${Number(seq)}`
}

function compareOwners(a: Commit['owner'], b: Commit['owner']): number {
  return a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
