import type { Fault } from './fault.js'
import type { StateContext } from './state-backend.js'

/**
 * Values of one session by number, out of its memory. Nothing of it outlives the session. All but `close` is synchronous: it
 * is used in the middle of a record. What any of it throws ends the session, and the task goes on from its checkpoint.
 */
export interface ValueStore {
  /** So many bytes of values wait in memory to be written together. Default: 4 MiB. */
  readonly batchBytes?: number
  /** What was last written under that number, as bytes that are the caller's; undefined where there is none. */
  get(at: number): Uint8Array | undefined
  /** All of it or, where it throws, any part. Bytes may change afterwards. Removing what isn't there is no error. */
  write(puts: Iterable<readonly [at: number, bytes: Uint8Array]>, removed: readonly number[]): void
  /** Removes everything. */
  close(): Promise<void>
}

/** Where a worker puts values of its tasks' state that it does not want in memory. */
export interface StateStore {
  /** Shown in errors: 'lmdb'. */
  readonly kind: string
  /** For plan and errors: `directory /var/cache/state`. Never a secret. */
  readonly describe: string
  /** What is wrong with its options, paths beginning at them. */
  readonly faults?: readonly Fault[]
  /** Called once per session, at its claim. It is empty. */
  open(ctx: StateContext): Promise<ValueStore>
}
