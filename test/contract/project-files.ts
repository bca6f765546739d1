import { readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = dirname(fileURLToPath(new URL('../../package.json', import.meta.url)))

/** Source files below some directories, as paths from the project's root with '/', sorted. */
export function sourceFiles(...directories: readonly string[]): string[] {
  return directories.flatMap((directory) =>
    readdirSync(join(projectRoot, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
      .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .toSorted(),
  )
}
