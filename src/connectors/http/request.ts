import type { Output } from '../../definition/sink.js'
import { isHttpUrl } from './http-connection.js'

/** Called with the value, and with what it inherited from its record. */
export type Of<T, R> = (value: T, output: Output<T>) => R

export interface RequestOptions<T> {
  readonly url: string | Of<T, string>
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>> | Of<T, Readonly<Record<string, string>>>
  readonly body?: Of<T, string | Uint8Array | null>
}

/** What is sent for one output, but for what the worker's connection adds. */
export interface HttpRequest {
  readonly url: string
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
}

/** Output to request. The encoder throws for what could not be sent: that record is bad. */
export function requestEncoder<T>(options: RequestOptions<T>): (output: Output<T>) => HttpRequest {
  const { url, method = 'POST', headers = {}, body } = options
  return (output) => {
    const { value } = output
    const to = typeof url === 'function' ? url(value, output) : url
    if (!isPath(to) && !isHttpUrl(to)) throw new Error('url gave neither an http(s) URL without credentials nor a path')
    const given = typeof headers === 'function' ? headers(value, output) : headers
    const sent = body === undefined ? json(value) : sendable(body(value, output))
    return { url: to, method, headers: { ...typeOf(body, sent), ...checked(given) }, body: sent }
  }
}

/** Goes behind the connection's `baseUrl`. */
export const isPath = (url: string): boolean => /^\/(?!\/)/.test(url)

function typeOf(body: unknown, sent: HttpRequest['body']): Record<string, string> {
  if (sent === null) return {}
  if (body === undefined) return { 'content-type': 'application/json' }
  return { 'content-type': typeof sent === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream' }
}

/** `fetch` would send an object as `[object Object]`. */
function sendable(body: HttpRequest['body']): HttpRequest['body'] {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return body
  throw new TypeError(`body returned a value of type ${typeof body}: it must be a string, bytes or null`)
}

function json(value: unknown): string {
  const text: unknown = JSON.stringify(value)
  if (typeof text === 'string') return text
  throw new TypeError(`a value of type ${typeof value} has no JSON: give the sink a body function`)
}

/** With the check here, and without the value in its message: `fetch` would quote it. */
function checked(headers: Readonly<Record<string, string>>): Record<string, string> {
  const named: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers().set(name, value)
    } catch {
      throw new Error(`header '${name}' can not be sent: a name is a token, a value one line of latin-1 text`)
    }
    named[name.toLowerCase()] = value
  }
  return named
}
