import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where downloads are kept between runs: `TIDEMARK_CACHE`, else `XDG_CACHE_HOME/tidemark`, else `~/.cache/tidemark`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env['TIDEMARK_CACHE']) return env['TIDEMARK_CACHE']
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidemark')
}

/** A download that its process didn't live to finish is removed after this long. */
const ABANDONED_MS = 6 * 3_600_000

/**
 * Fills a directory beside `entry` in the cache and gives it that name at once when it is complete, so that no process
 * ever sees half of it. Where another process was faster, its result is taken. Returns the entry's path.
 */
export async function fillCache(entry: string, fill: (directory: string) => Promise<void>): Promise<string> {
  const cache = cacheDirectory()
  const path = join(cache, entry)
  await mkdir(cache, { recursive: true })
  await removeAbandoned(cache)
  const partial = await mkdtemp(join(cache, `.partial-${entry}-`))
  try {
    await fill(partial)
    await rename(partial, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return path
}

async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith('.partial-')) continue
    const path = join(cache, name)
    const changed = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    )
    if (Date.now() - changed > ABANDONED_MS) await rm(path, { recursive: true, force: true })
  }
}
