import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { committedFiles } from './read-output.js'

const NAME = /-g(\d{4})-\d{12}\.jsonl$/

/**
 * The lines of all committed files, each of which says what it is of and has a key, by both: those of a later generation, where a
 * key may be in another partition, come later.
 */
export async function readByKey(directory: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = await committedFiles(directory)
  const generationOf = (file: string): number => Number(NAME.exec(file)?.[1])
  const byKey = new Map<string, string[]>()
  for (const file of files.toSorted((a, b) => generationOf(a) - generationOf(b))) {
    const text = await readFile(join(directory, file), 'utf8')
    for (const line of text.slice(0, -1).split('\n')) {
      const { of, key } = JSON.parse(line) as { readonly of: string; readonly key: string }
      const known = byKey.get(`${of} ${key}`)
      if (known === undefined) byKey.set(`${of} ${key}`, [line])
      else known.push(line)
    }
  }
  return byKey
}
