import { setTimeout as sleep } from 'node:timers/promises'

import { reasonOf } from '../errors/base.js'
import type { Supervised } from './supervise.js'

export interface ServingCheck {
  readonly name: string
  /** Rejects as long as the server doesn't serve. Should give up within a second or two by itself. */
  readonly probe: () => Promise<void>
  readonly timeoutMs: number
  /** The server's process, where it is ours: its end ends the waiting. */
  readonly process?: Supervised
}

/** Resolves when a probe succeeds. Throws when the process exits or the time is up, with its last words. */
export async function untilServing(check: ServingCheck): Promise<void> {
  const deadline = Date.now() + check.timeoutMs
  const exited = check.process?.whenExited().then(() => 'exited' as const)
  const lastWords = (): string => {
    const output = check.process?.lastOutput(12)
    return output ? `\n${output}` : ''
  }
  for (;;) {
    const probing = check.probe().then(
      () => 'serving' as const,
      (error: unknown) => ({ error }),
    )
    const state = await (exited === undefined ? probing : Promise.race([probing, exited]))
    if (state === 'serving') return
    if (state === 'exited') throw new Error(`${check.name} exited while starting${lastWords()}`)
    if (Date.now() > deadline) {
      const within = `within ${check.timeoutMs / 1000} s`
      throw new Error(`${check.name} did not serve ${within}: ${reasonOf(state.error)}${lastWords()}`, {
        cause: state.error,
      })
    }
    await sleep(50)
  }
}
