import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { errno, type Disk } from './disk.js'
import { foreign, type Target } from '../ledger-chain/target.js'
import type { Layout } from './layout.js'

const directoryFile = z.object({ version: z.literal(1), id: z.uuid() })

/**
 * The id of the sink's directory, made by whoever comes first. Two workers that see different ids under one path do not
 * share the disk.
 */
export async function directoryId(disk: Disk, layout: Layout, target: Target): Promise<string> {
  const found = await readId(disk, layout, target)
  if (found !== null) {
    await disk.syncDirectory(layout.hidden)
    return found
  }
  const id = randomUUID()
  const temporary = join(layout.hidden, `directory-${id}.new`)
  await disk.writeNew(temporary, `${JSON.stringify({ version: 1, id })}\n`)
  try {
    await disk.link(temporary, layout.idFile)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
  } finally {
    await disk.remove(temporary)
  }
  await disk.syncDirectory(layout.hidden)
  // Ours, or that of whoever was quicker.
  return (await readId(disk, layout, target)) ?? id
}

async function readId(disk: Disk, layout: Layout, target: Target): Promise<string | null> {
  let text: string
  try {
    text = await disk.read(layout.idFile)
  } catch (error) {
    if (errno(error) === 'ENOENT') return null
    throw error
  }
  try {
    return directoryFile.parse(JSON.parse(text)).id
  } catch {
    throw foreign(target, `no directory id: ${layout.idFile}`)
  }
}
