import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What is in the committed files of a file sink. */
export async function linesBelow(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true })
  const files = names.filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(directory, name), 'utf8'))
  return (await Promise.all(files)).flatMap((text) => text.split('\n').filter((line) => line !== ''))
}
