import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Before the answer, in ms. */
  readonly after?: number
  /** True: the connection is cut instead. */
  readonly cut?: boolean
  /** True: the body comes again and again, for as long as somebody reads it. */
  readonly endless?: boolean
}

/** A real HTTP service that answers as a test says, and remembers what it was sent. */
export class Service {
  readonly seen: Seen[] = []
  url = ''
  /** What is under way, and the most that ever was. */
  open = 0
  most = 0
  reply: (seen: Seen, nth: number) => Reply = () => ({ status: 204 })
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
  }

  static async start(): Promise<Service> {
    const server = createServer((request, response) => {
      service.open++
      service.most = Math.max(service.most, service.open)
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const seen = { method, path: url, headers, body: Buffer.concat(chunks).toString() }
        service.seen.push(seen)
        const {
          status,
          headers: more = {},
          body = '',
          after = 0,
          cut = false,
          endless = false,
        } = service.reply(seen, service.seen.length)
        setTimeout(() => {
          service.open--
          if (cut) request.socket.destroy()
          else if (endless) pour(response.writeHead(status, more), body)
          else response.writeHead(status, more).end(body)
        }, after)
      })
    })
    const service = new Service(server)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return service
  }

  get keys(): readonly unknown[] {
    return this.seen.map(({ headers }) => headers['idempotency-key'])
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => {
      this.server.close(resolve)
    })
  }
}

function pour(response: ServerResponse, body: string): void {
  while (!response.destroyed && response.write(body));
  response.once('drain', () => pour(response, body))
}
