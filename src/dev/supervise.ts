import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'

import { supervisorSource } from './supervisor-source.js'

export interface SupervisedCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Takes what the process prints; appended to. */
  readonly logFile: string
  /** Removed when the supervisor ends, however that comes about. */
  readonly removeAtEnd?: readonly string[]
  /** How the process is asked to end. Default SIGTERM. */
  readonly endSignal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'
  /** How long it may take to end before it gets a SIGKILL, in ms. Default 10,000. */
  readonly graceMs?: number
  /** Whom it runs as, where that isn't us; only root can choose. */
  readonly user?: RunAs
}

export interface RunAs {
  readonly uid: number
  readonly gid: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Why it could not be started, where that was so. */
  readonly error?: string
}

/** One process at a time, started, signalled and outlived by a supervisor that ends it with us. */
export interface Supervised {
  /** The process id of what runs now, or null. */
  pid(): number | null
  /** Starts the process; resolves when it has started or failed to. Throws if one is running. */
  start(): Promise<void>
  /** Signals the process and everything that it started. Nothing happens if it doesn't run. */
  signal(signal: NodeJS.Signals): void
  /** Resolves when the process now running has exited; at once if none is. */
  whenExited(): Promise<Exit>
  /** The end of what was printed so far, at most `lines` lines. */
  lastOutput(lines: number): string
  /** Ends process and supervisor and removes the directories. Resolves when all are gone. May be called again. */
  end(): Promise<void>
}

type Report = { readonly event: 'started'; readonly pid: number } | ({ readonly event: 'exited' } & Exit)

export function supervise(spec: SupervisedCommand): Supervised {
  const settings = {
    ...spec,
    removeAtEnd: spec.removeAtEnd ?? [],
    endSignal: spec.endSignal ?? 'SIGTERM',
    graceMs: spec.graceMs ?? 10_000,
  }
  const supervisor = spawn(process.execPath, ['-e', supervisorSource, JSON.stringify(settings)], {
    // A session of its own: Ctrl-C goes to us, and our end reaches it through the channel.
    detached: true,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let pid: number | null = null
  let exit: Exit = { code: null, signal: null }
  let running = false
  let gone = false
  let waiting: (() => void)[] = []

  function change(): void {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve))
  }

  supervisor.on('message', (message) => {
    const report = message as Report
    if (report.event === 'started') pid = report.pid
    else {
      const { event: _, ...how } = report
      ;[pid, running, exit] = [null, false, how]
    }
    change()
  })
  const supervisorGone = (): void => {
    if (gone) return
    gone = true
    // Nobody else is left to do it if the supervisor was killed.
    if (pid !== null) killGroup(pid)
    for (const path of settings.removeAtEnd) rmSync(path, { recursive: true, force: true, maxRetries: 5 })
    ;[pid, running] = [null, false]
    change()
  }
  supervisor.once('exit', supervisorGone)
  supervisor.once('error', supervisorGone)

  function tell(message: object): void {
    if (supervisor.connected) supervisor.send(message, () => undefined)
  }

  return {
    pid: () => pid,
    async start() {
      if (running) throw new Error(`${spec.command} is already running`)
      if (gone || !supervisor.connected) throw new Error(`the supervisor of ${spec.command} has ended`)
      running = true
      tell({ do: 'start' })
      await until(() => pid !== null || !running)
    },
    signal: (signal) => tell({ do: 'signal', signal }),
    async whenExited() {
      await until(() => !running)
      return exit
    },
    lastOutput: (lines) => lastLines(spec.logFile, lines),
    async end() {
      tell({ do: 'end' })
      await until(() => gone)
    },
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function lastLines(file: string, lines: number): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  }
}
