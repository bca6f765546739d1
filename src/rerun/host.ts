import type { Client } from '@temporalio/client'
import { ByteBudget } from '../engine/byte-budget.js'
import type { EngineHost } from '../engine/host.js'
import { silence } from '../engine/silence.js'

/** What a worker's options say that concerns sessions. */
export interface RerunSettings {
  readonly connection: (kind: string, name: string) => unknown
  readonly prefetchBytes: number
}

/** What this process gives to sessions that only execute again: a worker's connections, and nobody who watches. */
export function rerunHost(client: Client, settings: RerunSettings, warn: (message: string) => void): EngineHost {
  return {
    ...silence,
    log: { info: () => {}, warn },
    namespace: client.options.namespace,
    connection: (kind, name) => (kind === 'temporal' && name === 'default' ? client : settings.connection(kind, name)),
    budget: new ByteBudget(settings.prefetchBytes),
    // A worker's own can't be known here: what of the code has changed is told by its text.
    buildId: '',
  }
}
