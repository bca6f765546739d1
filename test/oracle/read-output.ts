import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Outputs } from './compare.js'

/** A file's stage and partition; what follows sorts in the order of commits. */
const NAME = /^(.+)-(\d{5})-g\d{4}-\d{12}\.jsonl$/

/** The lines of all committed files, by partition, in the order of their names: what a user of the output sees. */
export async function readOutput(directory: string): Promise<Outputs> {
  const lines = new Map<number, string[]>()
  for (const file of await committedFiles(directory)) {
    const [, , partition] = NAME.exec(file) ?? []
    if (partition === undefined) throw new Error(`the output holds a file of an unknown name: ${file}`)
    const text = await readFile(join(directory, file), 'utf8')
    if (!text.endsWith('\n')) throw new Error(`${file} ends in the middle of a line`)
    const known = lines.get(Number(partition)) ?? []
    for (const line of text.slice(0, -1).split('\n')) known.push(line)
    lines.set(Number(partition), known)
  }
  return lines
}

export async function committedFiles(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).toSorted()
}
