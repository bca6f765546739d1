import { defineSink } from '../../definition/define-sink.js'
import type { Fault } from '../../definition/fault.js'
import type { IdempotentSink, Sink } from '../../definition/sink.js'
import { InvalidCommand } from '../../errors/control.js'
import { type Duration, parseDuration } from '../../units.js'
import { type HttpConnection, httpConnectionSchema, isHttpUrl } from './http-connection.js'
import { type HttpRequest, isPath, type Of, requestEncoder } from './request.js'
import { HttpWriter } from './writer.js'

export interface HttpSinkOptions<T> {
  /** Where to send: an http(s) URL without credentials, or a path behind the connection's `baseUrl`. */
  readonly url: string | Of<T, string>
  /** Default: POST. */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Beside `Idempotency-Key`, which is always the item's id. Secrets belong into the worker's connection. Default: the body's `content-type`. */
  readonly headers?: Readonly<Record<string, string>> | Of<T, Readonly<Record<string, string>>>
  /** Null sends none. Default: the value as JSON. */
  readonly body?: Of<T, string | Uint8Array | null>
  /** Name of the worker's HTTP connection (plugin option `http`) that adds headers and base URL. Default: none. */
  readonly connection?: string
  /** Requests under way at once, per partition, 1 to 1,000; 1 keeps the order of a partition. Default: 16. */
  readonly concurrency?: number
  /** Of one request. Default: 30 s. */
  readonly timeout?: Duration
  /**
   * True states that the service keeps one effect per `Idempotency-Key`, for as long as a task may stand still: status
   * then says once-per-id. Default false: at-least-once.
   */
  readonly dedupes?: boolean
}

/**
 * One request per value, at-least-once: after a failure a value is sent again, with the same `Idempotency-Key`
 * (`pipeline/stage/source-partition-position-index`, also the same after `start --fresh`). A checkpoint waits for all
 * answers. Connection failures, time-outs, 408, 425, 429 and 5xx are tried again, 429 and 503 after what `Retry-After`
 * asks for (at most 30 s); 401 and 403 park the task with `SinkUnauthorized`; any other answer but 2xx refuses
 * the item: see `onError`. Redirects aren't followed.
 */
export function httpSink<T>(options: HttpSinkOptions<T>): Sink<T> {
  return defineSink(httpSinkDefinition(options))
}

export function httpSinkDefinition<T>(options: HttpSinkOptions<T>): IdempotentSink<T, HttpRequest> {
  const { url, method = 'POST', connection: name, concurrency = 16, timeout = '30s', dedupes = false } = options
  const describe = `${method} ${typeof url === 'string' ? withoutQuery(url) : 'by value'}`
  return {
    kind: 'http',
    mode: 'idempotent',
    dedupes,
    describe,
    faults: faultsOf(options),
    encode: requestEncoder(options),
    async open({ pipeline, stage, partition, sinks, connection }) {
      const settings = name === undefined ? {} : settingsOf(connection('http', name), name)
      const at = { pipeline, stage, partition, sink: sinks.join(',') }
      const timeoutMs = parseDuration(timeout) ?? 0
      return new HttpWriter({ connection: settings, concurrency, timeoutMs, dedupes, at, target: describe })
    },
  }
}

/** Checked again where it is used: not every worker is the plugin's. Never quotes a value. */
function settingsOf(given: unknown, name: string): HttpConnection {
  const parsed = httpConnectionSchema.safeParse(given)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')
  throw new InvalidCommand({ command: 'connect', reason: `http connection '${name}': ${faults}` })
}

/** A query may hold a key. */
const withoutQuery = (url: string): string => url.replace(/[?#].*$/, '')

const OPTIONS = ['url', 'method', 'headers', 'body', 'connection', 'concurrency', 'timeout', 'dedupes']
const METHODS: readonly unknown[] = ['POST', 'PUT', 'PATCH', 'DELETE']

function faultsOf(options: object): readonly Fault[] {
  const faults: Fault[] = []
  const check = (path: string, right: boolean, message: string, got?: unknown): void => {
    if (!right) faults.push(got === undefined ? { path, message } : { path, message, got })
  }
  const { url, method, headers, body, connection, concurrency, timeout } = options as Readonly<Record<string, unknown>>
  const isFunction = typeof url === 'function'
  // Not quoted: it may hold credentials.
  const usable = isFunction || (typeof url === 'string' && (isPath(url) || isHttpUrl(url)))
  check('url', usable, 'must be an http(s) URL without credentials, a path, or a function')
  const needsBase = typeof url === 'string' && isPath(url)
  check('connection', !needsBase || connection !== undefined, 'must be named, for its baseUrl: `url` is a path')
  check('connection', connection === undefined || isName(connection), 'must be a name', connection)
  check('method', method === undefined || METHODS.includes(method), `must be one of ${METHODS.join(', ')}`, method)
  const isMap = typeof headers === 'object' && headers !== null
  check('headers', headers === undefined || isMap || typeof headers === 'function', 'must be an object or a function')
  check('body', body === undefined || typeof body === 'function', 'must be a function')
  const many = concurrency === undefined || (Number.isInteger(concurrency) && Number(concurrency) > 0)
  check('concurrency', many && Number(concurrency ?? 1) <= 1_000, 'must be a whole number from 1 to 1,000', concurrency)
  const ms = timeout === undefined ? 1 : (parseDuration(timeout) ?? 0)
  check('timeout', ms > 0 && ms < 2 ** 31, "must be a duration above zero, as 5000 (ms) or '5s'", timeout)
  for (const name of Object.keys(options)) check(name, OPTIONS.includes(name), 'is no option of httpSink')
  return faults
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== ''
