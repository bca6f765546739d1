import { dirname, join } from 'node:path'
import { errno, type Disk } from './disk.js'
import type { CommittedFile } from './entry.js'
import { foreign, type Target } from '../ledger-chain/target.js'
import { pendingFence, type Layout } from './layout.js'

/** A reader that takes empty directories away can come between making one and renaming into it, but not for ever. */
const RENAMES = 5

/**
 * Gives committed files their final names, durably. Done by the owner that committed them and again by whoever opens
 * next: any number of owners at once, stopped anywhere. A reader may have taken a file away in the meantime; a pending
 * file never comes back, so nothing is published twice.
 */
export async function publish(
  disk: Disk,
  layout: Layout,
  target: Target,
  files: readonly CommittedFile[],
): Promise<void> {
  if (files.length === 0) return
  const directories = new Set<string>()
  for (const file of files) {
    await rename(disk, layout, target, file)
    for (let at = file.file; at !== '.'; at = dirname(at)) directories.add(join(layout.directory, dirname(at)))
  }
  // Also where another owner renamed: it may have been stopped before it could.
  for (const directory of directories) await syncIfThere(disk, directory)
  await disk.syncDirectory(layout.pending)
}

async function rename(disk: Disk, layout: Layout, target: Target, file: CommittedFile): Promise<void> {
  const from = join(layout.pending, file.pending)
  const to = join(layout.directory, file.file)
  for (let attempt = 1; ; attempt++) {
    // In this order: what has its final name is no longer pending, so both at once are two files.
    const taken = (await disk.size(to)) !== null
    const bytes = await disk.size(from)
    if (bytes === null) return
    if (taken) throw foreign(target, `a file that this ledger did not write where it has to put its own: ${to}`)
    if (bytes !== file.bytes) throw foreign(target, `${from} with ${bytes} bytes, though ${file.bytes} were committed`)
    try {
      if (attempt > 1 || dirname(to) !== layout.directory) await disk.makeDirectory(dirname(to))
      await disk.rename(from, to)
      return
    } catch (error) {
      if (errno(error) !== 'ENOENT' || attempt === RENAMES) throw error
    }
  }
}

async function syncIfThere(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.syncDirectory(directory)
  } catch (error) {
    // Taken away by a reader, with all that was in it.
    if (errno(error) !== 'ENOENT') throw error
  }
}

/**
 * Removes what owners before the fence entry `fence` left behind. Only after that entry was created: before it they
 * could still commit these files (PROTOCOL §5).
 */
export async function sweep(disk: Disk, layout: Layout, fence: number): Promise<void> {
  for (const name of await disk.list(layout.pending)) {
    const begun = pendingFence(name)
    if (begun !== null && begun < fence) await disk.remove(join(layout.pending, name))
  }
}
