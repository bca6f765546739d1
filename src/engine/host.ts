import type { Problem } from '../protocol/checkpoint.js'
import type { ByteBudget } from './byte-budget.js'
import type { Claim } from './recovery.js'
import type { StallWatch } from './stall-watch.js'

export interface EngineLog {
  info(message: string, meta?: Record<string, unknown>): void
  warn(message: string, meta?: Record<string, unknown>): void
}

/** What a process gives to all its sessions. */
export interface EngineHost {
  readonly namespace: string
  /** Connection settings of that kind and name. Throws `InvalidCommand` where the worker has none. */
  readonly connection: (kind: string, name: string) => unknown
  readonly budget: ByteBudget
  /** Without its thread where nobody's patience is at stake: in tests. */
  readonly stalls: Omit<StallWatch, 'close'>
  readonly log: EngineLog
  /** Tells a task's workflow what keeps its checkpoint from being made, while that lasts. Never throws. */
  readonly tell?: (claim: Claim, trouble: Problem) => void
  /** How long a record waits for a source that has none, at most, before the epoch goes on without that. Default 200 ms. */
  readonly gatherMs?: number
  /** Of the code that runs: part of the fingerprint beside the plan. */
  readonly buildId: string
}
