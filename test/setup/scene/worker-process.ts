import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { supervise, type Exit, type Supervised } from '../../../src/dev/supervise.js'

/** A program of the built package whose only argument is its settings, as JSON. */
export interface Launch {
  readonly program: string
  readonly settings: { readonly identity: string }
}

/** Process ids of all that was started here and not yet seen to be gone. */
const started = new Set<number>()

/** A worker in a process of its own, run from the built package. Ends with this process at the latest. */
export class WorkerProcess {
  readonly identity: string
  readonly pid: number
  private readonly supervised: Supervised
  private readonly logFile: string
  private told = false

  private constructor(identity: string, pid: number, supervised: Supervised, logFile: string) {
    this.identity = identity
    this.pid = pid
    this.supervised = supervised
    this.logFile = logFile
  }

  /** Logs go to `directory`. Resolves when the process runs; it polls some time later. */
  static async start({ program, settings }: Launch, directory: string): Promise<WorkerProcess> {
    const { identity } = settings
    if (!existsSync(program)) throw new Error(`${program} is missing: run \`npm run build\``)
    const logFile = join(directory, `${identity}.log`)
    const supervised = supervise({ command: process.execPath, args: [program, JSON.stringify(settings)], logFile })
    await supervised.start()
    const pid = supervised.pid()
    if (pid === null)
      throw new Error(`worker ${identity} did not start: ${JSON.stringify(await supervised.whenExited())}`)
    started.add(pid)
    return new WorkerProcess(identity, pid, supervised, logFile)
  }

  get runs(): boolean {
    return this.supervised.pid() !== null
  }

  /** Whether anybody here asked it to end, or made it. */
  get wasTold(): boolean {
    return this.told
  }

  /** Everything it has printed. */
  get log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<Exit> {
    this.told = true
    process.kill(this.pid, 'SIGKILL')
    return await this.supervised.whenExited()
  }

  /** SIGTERM. Resolves when it has ended. */
  async terminate(): Promise<Exit> {
    this.told = true
    process.kill(this.pid, 'SIGTERM')
    return await this.supervised.whenExited()
  }

  /** SIGSTOP: it stands still, in the middle of whatever it does. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  /** SIGCONT: it goes on as if no time had passed. */
  thaw(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  get isFrozen(): boolean {
    return processState(this.pid).startsWith('T')
  }

  /** Whatever it does, it is gone afterwards. May be called again. */
  async end(): Promise<void> {
    this.told = true
    if (this.runs) process.kill(this.pid, 'SIGKILL')
    await this.supervised.end()
  }
}

/** Those of all workers ever started here that still run. */
export function leakedWorkers(): number[] {
  for (const pid of started) {
    const state = processState(pid)
    if (state === '' || state.startsWith('Z')) started.delete(pid)
  }
  return [...started]
}

/** As `ps` shows it: `S` sleeps, `T` is stopped, `Z` has ended; empty where there is none. */
function processState(pid: number): string {
  return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
}
