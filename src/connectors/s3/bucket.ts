/**
 * What ledger and sink need of a bucket. Each call is one step: between any two of them a process may be stopped, killed,
 * or overtaken by another owner, and tests do just that. Calls reject with `BucketFailure`.
 */
export interface Bucket {
  /**
   * Creates an object where none is (`If-None-Match: *`), whoever else tries at the same time. False: one is there,
   * perhaps this very one: a request that is repeated meets itself.
   */
  readonly create: (key: string, text: string) => Promise<boolean>
  /** Writes an object, in place of any that is there. */
  readonly put: (key: string, body: Uint8Array) => Promise<void>
  /** Null where none is. */
  readonly read: (key: string) => Promise<string | null>
  /** Keys that begin with `prefix`, in their order, those behind `after` only; at most `limit`, and at most 1,000. */
  readonly list: (prefix: string, options?: ListOptions) => Promise<readonly string[]>
  /** Does nothing where nothing is. */
  readonly remove: (key: string) => Promise<void>
}

export interface ListOptions {
  readonly limit?: number
  readonly after?: string
}

/** What one request gives at most. */
export const PAGE = 1_000

/** All keys that begin with `prefix`, a page at a time. */
export async function* pages(bucket: Bucket, prefix: string, after = ''): AsyncGenerator<readonly string[]> {
  for (let from = after; ;) {
    const keys = await bucket.list(prefix, from === '' ? {} : { after: from })
    if (keys.length > 0) yield keys
    const last = keys.at(-1)
    if (last === undefined || keys.length < PAGE) return
    from = last
  }
}

/** A request that failed: what is known of it without a header, a signature or a key in it. */
export class BucketFailure extends Error {
  override readonly name = 'BucketFailure'
  /** What the server or Node calls it: `NoSuchBucket`, `ECONNREFUSED`. */
  readonly code: string
  /** Of the answer; null where none came. */
  readonly status: number | null

  constructor(code: string, status: number | null, message: string) {
    super(message === '' || message === code ? code : `${code}: ${message}`)
    this.code = code
    this.status = status
  }
}
