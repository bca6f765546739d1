import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Of sessions: the process they belong to is in their names. Everything else that lies there is somebody else's. */
const NAME = /^values-(\d+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** How often other tasks' leftovers are looked for, at most. */
const LOOK_MS = 600_000

/** Directories of sessions that this process has open. */
const own = new Set<string>()
/** When leftovers were looked for below that directory. */
const lookedAt = new Map<string, number>()

/** Makes a session's directory below the task's, `root/…path`, after what sessions that are gone have left there, and elsewhere below `root`. */
export async function makeSessionDirectory(root: string, path: readonly string[]): Promise<string> {
  const task = join(root, ...path)
  await mkdir(task, { recursive: true })
  // One that only seems dead keeps its files open, and doesn't notice; where a system doesn't allow that, they stay.
  await clear(task, () => true)
  if (performance.now() - (lookedAt.get(root) ?? -Infinity) > LOOK_MS) {
    lookedAt.set(root, performance.now())
    // Of tasks that went elsewhere. The claim need not wait for it.
    void clearAll(root, path.length).catch(() => undefined)
  }
  const directory = join(task, `values-${process.pid}-${randomUUID()}`)
  own.add(directory)
  try {
    await mkdir(directory, { recursive: true })
  } catch (error) {
    own.delete(directory)
    throw error
  }
  return directory
}

export async function removeSessionDirectory(directory: string): Promise<void> {
  own.delete(directory)
  await rm(directory, { recursive: true, force: true })
}

async function clearAll(directory: string, depth: number): Promise<void> {
  if (depth === 0) return await clear(directory, (pid) => !isAlive(pid))
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await clearAll(join(directory, entry.name), depth - 1)
  }
}

async function clear(task: string, mayGo: (pid: number) => boolean): Promise<void> {
  for (const name of await readdir(task)) {
    const pid = NAME.exec(name)?.[1]
    const path = join(task, name)
    if (pid === undefined || own.has(path) || !mayGo(Number(pid))) continue
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Of the sessions of this very process all are known: an older one had the same number. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
