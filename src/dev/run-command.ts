import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { OnProgress } from './progress.js'
import { type RunAs, supervise } from './supervise.js'

/** Runs a short command and returns what it printed, both streams. Throws when it can't start, fails or takes over 30 s. */
export async function outputOf(command: string, args: readonly string[], env = process.env): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(command, [...args], { timeout: 30_000, env, encoding: 'utf8' })
  return stdout + stderr
}

export interface LongCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** In ms; then it is killed and the promise rejected. */
  readonly timeoutMs: number
  /** What it does, for progress lines and errors. */
  readonly doing: string
  readonly onProgress?: OnProgress | undefined
  readonly user?: RunAs | undefined
}

/** Runs a command that may take minutes. It dies with this process; says every 15 s that it still works. */
export async function runLongCommand(spec: LongCommand): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-run-'))
  const { command, args, cwd, env } = spec
  const process_ = supervise({
    command,
    args,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(spec.user === undefined ? {} : { user: spec.user }),
    logFile: join(directory, 'output.log'),
    removeAtEnd: [directory],
  })
  const begun = Date.now()
  const seconds = (): number => Math.round((Date.now() - begun) / 1000)
  const ticking = setInterval(() => spec.onProgress?.(`${spec.doing}: ${seconds()} s so far`), 15_000)
  let late = false
  const deadline = setTimeout(() => {
    late = true
    process_.signal('SIGKILL')
  }, spec.timeoutMs)
  try {
    await process_.start()
    const { code, signal, error } = await process_.whenExited()
    if (code === 0) return
    if (late) throw new Error(`${spec.doing} took longer than ${spec.timeoutMs / 1000} s`)
    const how = error ?? (signal === null ? `exit code ${String(code)}` : signal)
    throw new Error([`${spec.doing} failed: ${how}`, process_.lastOutput(8)].filter(Boolean).join('\n'))
  } finally {
    clearInterval(ticking)
    clearTimeout(deadline)
    await process_.end()
    await rm(directory, { recursive: true, force: true })
  }
}
