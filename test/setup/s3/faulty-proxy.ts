import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as faults choose by it. */
export interface Asked {
  readonly method: string
  /** Without the bucket. */
  readonly key: string
  readonly exclusive: boolean
}

/**
 * What becomes of a request: `answer lost`: it is carried out, and the connection breaks; `request lost`: it never gets
 * there; else it is answered so, by the proxy.
 */
export type Fault = 'answer lost' | 'request lost' | { readonly status: number; readonly code: string }

/** Stands between a client and an S3 server, and lets requests go wrong. */
export class FaultyProxy {
  /** All requests that came, in their order. */
  readonly asked: Asked[] = []
  readonly endpoint: string
  #choose: (asked: Asked) => Fault | null = () => null
  readonly #close: () => Promise<void>

  private constructor(endpoint: string, close: () => Promise<void>) {
    this.endpoint = endpoint
    this.#close = close
  }

  static async start(target: string): Promise<FaultyProxy> {
    const { hostname, port } = new URL(target)
    const server = createServer((incoming, answer) => void proxy.#serve(incoming, answer, { hostname, port }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const close = async (): Promise<void> => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    const proxy = new FaultyProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close)
    return proxy
  }

  /** From now on requests go wrong as `choose` says; null lets one pass. */
  go(choose: (asked: Asked) => Fault | null): void {
    this.#choose = choose
  }

  /** The first `times` requests that match go wrong so. */
  fail(matches: (asked: Asked) => boolean, fault: Fault, times = 1): void {
    let left = times
    this.go((asked) => (matches(asked) && left-- > 0 ? fault : null))
  }

  close(): Promise<void> {
    return this.#close()
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse, target: { hostname: string; port: string }) {
    const { method = '', url = '', headers } = incoming
    const key = decodeURIComponent(url.replace(/\?.*/, '')).split('/').slice(2).join('/')
    const asked = { method, key, exclusive: headers['if-none-match'] === '*' }
    this.asked.push(asked)
    const fault = this.#choose(asked)
    const body: Buffer[] = []
    for await (const chunk of incoming) body.push(chunk as Buffer)
    if (fault === 'request lost') return answer.destroy()
    if (fault !== null && fault !== 'answer lost') {
      answer.writeHead(fault.status, { 'content-type': 'application/xml' })
      return answer.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>made up</Message></Error>`)
    }
    // With the headers as they came: they are signed.
    const outgoing = request({ ...target, method, path: url, headers }, (real) => {
      if (fault === 'answer lost') {
        real.resume()
        real.once('end', () => answer.destroy())
        return
      }
      answer.writeHead(real.statusCode ?? 500, real.headers)
      real.pipe(answer)
    })
    outgoing.once('error', () => answer.destroy())
    outgoing.end(Buffer.concat(body))
    return answer
  }
}
