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
 * under a key, so a worker that was thought dead can write what it likes (PROTOCOL §6).
 */
export interface SegmentStore {
  /** Resolves once the blob is durable. Putting it again is no error. */
  put(key: string, blob: Uint8Array): Promise<void>
  /** Rejects with an error of any kind where there is none. */
  get(key: string): Promise<Uint8Array>
  /** All there are, in any order; `at`: when it was last put, epoch ms. */
  list(): AsyncIterable<{ readonly key: string; readonly bytes: number; readonly at: number }>
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
  /** Called once per session, at its claim. */
  open(ctx: StateContext): Promise<SegmentStore>
}
