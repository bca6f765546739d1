import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { reasonOf } from '../errors/base.js'
import { type StackServer, StackUnavailable } from '../errors/stack.js'
import { isFree } from './ports.js'
import { type RunAs, supervise, type Supervised } from './supervise.js'
import { untilServing } from './until-serving.js'

/** What every server of ours can do, whatever it serves. Servers that were given, not started, can only be stopped using. */
export interface ServerControl {
  /** The server's process id; null where it doesn't run or isn't ours. */
  pid(): number | null
  /** Ends the server; temporary data is removed. Resolves when it is gone. May be called again. */
  stop(): Promise<void>
  /** Kills it with SIGKILL, as a crash would; `restart` brings it back. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again with the same ports and data, after ending it if it runs. Resolves when it serves. */
  restart(): Promise<void>
  /** Stops it in its tracks (SIGSTOP): connections stay open and nothing answers. */
  pause(): void
  /** Lets it go on after `pause`. */
  resume(): void
}

export interface ServerProcess {
  readonly name: StackServer
  readonly command: string
  readonly args: readonly string[]
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** What it listens on, all on 127.0.0.1. */
  readonly ports: readonly number[]
  readonly place: DataPlace
  readonly probe: () => Promise<void>
  /** What ends it in order. Default SIGTERM. */
  readonly endSignal?: 'SIGTERM' | 'SIGINT'
  /** Whom it runs as, where that isn't us. */
  readonly user?: RunAs
  /** A start that fails with this is tried again for a while: what a killed one has left needs a moment to go. */
  readonly passing?: RegExp
}

/** Where a server keeps its data. */
export interface DataPlace {
  readonly directory: string
  /** Whether it goes with the server. */
  readonly temporary: boolean
}

/** `<dataDirectory>/<name>`, made if need be, or a new temporary directory. */
export async function dataPlace(name: string, dataDirectory: string | undefined): Promise<DataPlace> {
  if (dataDirectory === undefined) {
    return { directory: await mkdtemp(join(tmpdir(), `tidemark-${name}-`)), temporary: true }
  }
  const directory = join(dataDirectory, name)
  await mkdir(directory, { recursive: true })
  return { directory, temporary: false }
}

const SERVES_WITHIN_MS = 90_000
const PASSES_WITHIN_MS = 30_000
const PAUSE_MS = 200

/** Starts a server process and waits until it serves. If it doesn't, nothing is left of it. Throws `StackUnavailable`. */
export async function startServerProcess(spec: ServerProcess): Promise<ServerControl> {
  const { name, command, args, place, endSignal: inOrder = 'SIGTERM' } = spec
  const supervised = supervise({
    command,
    args,
    ...(spec.env !== undefined && { env: spec.env }),
    logFile: join(place.directory, 'server.log'),
    removeAtEnd: place.temporary ? [place.directory] : [],
    // Data that nobody will read again needs no orderly end.
    endSignal: place.temporary ? 'SIGKILL' : inOrder,
    graceMs: 20_000,
    ...(spec.user !== undefined && { user: spec.user }),
  })
  const start = async (until = Date.now() + PASSES_WITHIN_MS): Promise<void> => {
    try {
      for (const port of spec.ports) {
        // Otherwise whoever listens there would be taken for ours.
        if (!(await isFree(port))) throw new Error(`something else listens on port ${port}`)
      }
      await supervised.start()
      await untilServing({ name, probe: spec.probe, timeoutMs: SERVES_WITHIN_MS, process: supervised })
    } catch (error) {
      if (spec.passing?.test(reasonOf(error)) && Date.now() < until) {
        await sleep(PAUSE_MS)
        return await start(until)
      }
      const tried = [{ what: `start of ${command}`, why: reasonOf(error) }]
      throw new StackUnavailable(
        { server: name, tried, install: ['mend what is said above', `or give the address of a ${name} that runs`] },
        error,
      )
    }
  }
  try {
    await start()
  } catch (error) {
    await supervised.end()
    throw error
  }
  return {
    pid: () => supervised.pid(),
    stop: () => supervised.end(),
    kill: () => ended(supervised, 'SIGKILL'),
    async restart() {
      await ended(supervised, inOrder)
      await start()
    },
    pause: () => supervised.signal('SIGSTOP'),
    resume: () => supervised.signal('SIGCONT'),
  }
}

async function ended(supervised: Supervised, signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<void> {
  supervised.signal('SIGCONT')
  supervised.signal(signal)
  const late = setTimeout(() => supervised.signal('SIGKILL'), 20_000)
  await supervised.whenExited()
  clearTimeout(late)
}

/** The control of a server that somebody else runs: there is nothing to stop. */
export function foreignServer(name: string): ServerControl {
  const refuse = (): never => {
    throw new Error(`${name} was given, not started here, so it isn't killed, paused or restarted`)
  }
  return {
    pid: () => null,
    stop: () => Promise.resolve(),
    kill: () => Promise.resolve().then(refuse),
    restart: () => Promise.resolve().then(refuse),
    pause: refuse,
    resume: refuse,
  }
}
