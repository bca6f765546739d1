import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface Output {
  readonly lines: number
  readonly bytes: number
  readonly sha256: string
}

const NEWLINE = 0x0a

/** What one round has left in `directory`, its files in the order of their names; they are removed. */
export async function takeOutput(directory: string): Promise<Output> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).toSorted()
  const hash = createHash('sha256')
  let [lines, bytes] = [0, 0]
  for (const name of names) {
    const content = await readFile(join(directory, name))
    hash.update(content)
    bytes += content.length
    for (const byte of content) if (byte === NEWLINE) lines++
    await rm(join(directory, name))
  }
  return { lines, bytes, sha256: hash.digest('hex') }
}
