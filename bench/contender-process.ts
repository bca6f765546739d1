import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Arena, Reply, Taken } from './contenders/round.js'

/** A contender in a process of its own, kept warm from round to round. */
export class ContenderProcess<Round> {
  readonly name: string
  private readonly child: ChildProcess

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.child = child
  }

  /** `module`: below this directory. Resolves when it is ready for its first round. `profile`: where Node writes its CPU profile at its end. */
  static async start<Round>(module: string, arena: Arena, profile?: string): Promise<ContenderProcess<Round>> {
    const file = fileURLToPath(new URL(`${module}.js`, import.meta.url))
    const execArgv = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const contender = new ContenderProcess<Round>(module, fork(file, [JSON.stringify(arena)], { execArgv }))
    await contender.reply()
    return contender
  }

  async run(round: Round): Promise<Taken> {
    this.child.send(round as Serializable)
    const reply = await this.reply()
    if ('taken' in reply) return reply.taken
    throw new Error(`${this.name} did not say what its round took`)
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    if (this.child.connected) this.child.disconnect()
    await exit
  }

  /** Rejects where the process ends instead: it has told why on the terminal. */
  private async reply(): Promise<Reply> {
    const ended = new AbortController()
    const exit = once(this.child, 'exit', { signal: ended.signal }).then(([code]: unknown[]) => {
      throw new Error(`the process of ${this.name} ended with ${String(code)}`)
    })
    try {
      const [reply] = (await Promise.race([once(this.child, 'message', { signal: ended.signal }), exit])) as [Reply]
      return reply
    } finally {
      ended.abort()
      exit.catch(() => undefined)
    }
  }
}
