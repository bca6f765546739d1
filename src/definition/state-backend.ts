import type { Fault } from './fault.js'

/** Which task's state it is. */
export interface StateContext {
  readonly namespace: string
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  /** The worker's connection settings of that kind and name. Throws `InvalidCommand` if there are none. */
  readonly connection: (kind: string, name: string) => unknown
  readonly signal: AbortSignal
}

/**
 * Immutable blobs of one task, by key: 64 characters of hexadecimal, the SHA-256 of the blob. Nothing is ever changed
 * under a key, so a worker that was thought dead can write what it likes (PROTOCOL §6). Several calls may be under way at
 * once. What fails is tried again, whatever the error.
 */
export interface SegmentStore {
  /** Resolves once the blob is durable. Putting it again is no error, and counts as `touch`. */
  put(key: string, blob: Uint8Array): Promise<void>
  /** Null where there is none. */
  get(key: string): Promise<Uint8Array | null>
  /** All there are, in any order; `at`: when it was last put or touched, epoch ms. */
  list(): AsyncIterable<{ readonly key: string; readonly bytes: number; readonly at: number }>
  /** From now on `list` says the present time of these. Missing ones are no error. */
  touch(keys: readonly string[]): Promise<void>
  /** Missing ones are no error. */
  delete(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** Where state lies that is too large for workflow history. */
export interface StateBackend {
  /** Shown in status and errors: 'file', 's3', 'postgres'. */
  readonly kind: string
  /** For plan and status: `directory /var/state`. Never a secret. */
  readonly describe: string
  /**
   * Milliseconds for which segments are kept after the last checkpoint that needs them: how far back one can rewind. More
   * than what the clocks of workers, Temporal and store differ by.
   */
  readonly retainMs: number
  /** What is wrong with its options, paths beginning at them. */
  readonly faults?: readonly Fault[]
  /** Called once per session, at its claim. What it rejects with is tried again. */
  open(ctx: StateContext): Promise<SegmentStore>
}
