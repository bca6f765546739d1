/** What is done with each record: none but its bytes are looked at, or it is parsed and checked by a schema. */
export type Mode = 'raw' | 'json'
export const modes: readonly Mode[] = ['json', 'raw']

/** What a contender's process is started with. */
export interface Arena {
  readonly temporalAddress: string
  readonly brokers: readonly string[]
  readonly topic: string
  readonly records: number
  /** Where it writes, below a directory per mode if it writes files; its own. */
  readonly directory: string
}

export interface Round {
  readonly mode: Mode
  /** Over Tidemark's default of 5 s. */
  readonly checkpointMs?: number
}

/** A round of `copy`: the whole of the arena's topic to another one. */
export interface CopyRound {
  readonly to: string
  /** How often what was copied becomes visible, where the contender lets one say. */
  readonly commitMs: number
}

/** What one round took. */
export interface Taken {
  readonly ms: number
  /** Of the contender's process, all threads; brokers and Temporal have their own. */
  readonly cpuMs: number
  /** Of the task's workflow, where there is one. */
  readonly history?: { readonly checkpoints: number; readonly events: number; readonly bytes: number }
}

/** A child's message: ready for the first round, or done with one. */
export type Reply = { readonly ready: true } | { readonly taken: Taken }
