import { setTimeout as delay } from 'node:timers/promises'
import type { IdempotentWriter, Item, WriteResult } from '../../definition/sink.js'
import { SinkUnauthorized } from '../../errors/sink.js'
import { inParallel } from '../in-parallel.js'
import { retryAfterMs, type Verdict, verdictOf } from './answer.js'
import type { HttpConnection } from './http-connection.js'
import { type HttpRequest, isPath } from './request.js'

export interface WriterOptions {
  readonly connection: HttpConnection
  readonly concurrency: number
  readonly timeoutMs: number
  readonly dedupes: boolean
  /** For errors. */
  readonly at: { readonly pipeline: string; readonly stage: string; readonly partition: number; readonly sink: string }
  readonly target: string
}

interface Answer {
  readonly verdict: Verdict
  /** Says what was sent where, and what came back; nothing of the worker's connection. */
  readonly reason: string
}

/** Without a `Retry-After`, a service that asks for a pause gets this one. */
const PAUSE_MS = 1_000
/** Of an answer's body, for errors. */
const EXCERPT = 200
/** Bytes of it that are read, so that the connection can be used again. For more than that, it isn't worth it. */
const MOST_BYTES = 64 * 1024

/** Sends items as requests, so many at a time, each with its id as the `Idempotency-Key`. */
export class HttpWriter implements IdempotentWriter<HttpRequest> {
  private readonly options: WriterOptions
  private readonly secrets: readonly string[]
  private pauseUntil = 0

  constructor(options: WriterOptions) {
    this.options = options
    const values = Object.values(options.connection.headers ?? {})
    this.secrets = values.flatMap((value) => [value, ...value.split(/[\s,;=]+/)]).filter((part) => part.length > 3)
  }

  async write(items: readonly Item<HttpRequest>[], signal: AbortSignal): Promise<WriteResult> {
    await delay(Math.max(0, this.pauseUntil - Date.now()), undefined, { signal })
    const failed: WriteResult['failed'][number][] = []
    let stop: string | null = null
    await inParallel(items, this.options.concurrency, async (item) => {
      // What comes after a pause was asked for, or out of order, waits for the next try.
      const { verdict, reason } = stop === null ? await this.send(item, signal) : { verdict: 'again', reason: stop }
      if (verdict === 'done') return
      if (verdict === 'unauthorized') throw this.unauthorized(reason)
      const retryable = verdict !== 'refused'
      failed.push({ id: item.id, error: new Error(reason), retryable })
      if (verdict === 'wait' || (retryable && this.options.concurrency === 1)) stop ??= reason
    })
    return { failed }
  }

  async close(): Promise<void> {
    // Connections are the process's own, and kept by it.
  }

  private async send({ id, data }: Item<HttpRequest>, signal: AbortSignal): Promise<Answer> {
    const { connection, timeoutMs, dedupes } = this.options
    const url = isPath(data.url) ? `${connection.baseUrl?.replace(/\/$/, '') ?? ''}${data.url}` : data.url
    if (!URL.canParse(url)) return { verdict: 'refused', reason: `${data.url} needs a connection with a baseUrl` }
    const { origin, pathname } = new URL(url)
    const what = `${data.method} ${origin}${pathname}`
    // Its headers are for that service, and the value has chosen another.
    if (connection.baseUrl !== undefined && new URL(connection.baseUrl).origin !== origin)
      return { verdict: 'refused', reason: `${what} is not where the connection's baseUrl is` }
    const abort = new AbortController()
    const end = (): void => abort.abort(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    const timer = setTimeout(() => abort.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    try {
      signal.throwIfAborted()
      const response = await fetch(url, {
        method: data.method,
        headers: { ...data.headers, ...lowerCased(connection.headers ?? {}), 'idempotency-key': id },
        body: data.body,
        // Followed, a POST could turn into a GET, and secrets go elsewhere.
        redirect: 'manual',
        signal: abort.signal,
      })
      const { status } = response
      const verdict = verdictOf(status, dedupes)
      if (verdict === 'wait') this.pause(retryAfterMs(response.headers.get('retry-after'), Date.now()) ?? PAUSE_MS)
      const text = await beginning(response).catch(() => '')
      return { verdict, reason: `${what} answered ${status}${this.excerpt(text)}` }
    } catch (error) {
      signal.throwIfAborted()
      return { verdict: 'again', reason: `${what} failed: ${this.without(causeOf(error))}` }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }

  private pause(ms: number): void {
    this.pauseUntil = Math.max(this.pauseUntil, Date.now() + ms)
  }

  private unauthorized(reason: string): SinkUnauthorized {
    const { at, target } = this.options
    return new SinkUnauthorized({ ...at, target, doing: 'send', reason })
  }

  private excerpt(text: string): string {
    const short = this.without(text.replaceAll(/\s+/g, ' ').trim()).slice(0, EXCERPT)
    return short === '' ? '' : `: ${short}`
  }

  /** A service may send back what it was sent. */
  private without(text: string): string {
    return this.secrets.reduce((left, secret) => left.replaceAll(secret, '…'), text)
  }
}

/** The body of an answer, up to a limit: nobody here needs more of it, and it may be of any size. */
async function beginning({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop early cancels the body.
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= MOST_BYTES) break
  }
  return Buffer.concat(chunks).toString()
}

/** `fetch` hides why it failed. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  // Where several addresses were tried, there is a code and no message.
  const { code } = cause as { readonly code?: string }
  return cause.message || (code ?? error.message)
}

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
