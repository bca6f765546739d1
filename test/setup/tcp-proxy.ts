import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** When a rule cuts: before what it saw is passed on, or after; after an answer came back but before the client has it. */
export type CutAt = 'before' | 'after' | 'answer'

/** A TCP connection between a client and a server, cut where a test says. */
export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** How often it has cut by rule. */
  readonly cuts: number
  /**
   * Cuts a connection, once, when the client sends something that `sees` it. `before`: the server doesn't get it. `after`:
   * the server gets it, the client no answer, and the connection ends at once for both. `answer`: as `after`, but the server
   * has answered by then.
   */
  cut(at: CutAt, sees: (sent: Buffer) => boolean): void
  /** Cuts all connections there are. New ones are let through. */
  cutAll(): void
  /** Passes nothing on any more, and says nothing, as a network that swallows. False: passes on again, what was held too. */
  hold(held: boolean): void
  close(): Promise<void>
}

/** Listens on a port of 127.0.0.1 of its own. */
export async function tcpProxy(server: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const links = new Set<Socket>()
  let rule: { readonly at: CutAt; readonly sees: (sent: Buffer) => boolean } | null = null
  let cuts = 0
  let holding = false

  const listener = createServer((client) => {
    const upstream = connect(server.port, server.host)
    let answered: (() => void) | null = null
    const end = (): void => {
      client.destroy()
      upstream.destroy()
      links.delete(client)
      links.delete(upstream)
    }
    const cutNow = (): void => {
      cuts++
      end()
    }
    for (const socket of [client, upstream]) {
      links.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
      if (holding) socket.pause()
    }
    client.on('data', (sent) => {
      if (rule === null || !rule.sees(sent)) return void upstream.write(sent)
      const { at } = rule
      rule = null
      if (at === 'before') return cutNow()
      if (at === 'answer') answered = cutNow
      // Flushed before it is destroyed: a reset could overtake what was sent.
      upstream.write(sent, () => at === 'after' && cutNow())
    })
    upstream.on('data', (sent) => {
      if (answered !== null) answered()
      else client.write(sent)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo

  return {
    host: '127.0.0.1',
    port,
    get cuts() {
      return cuts
    },
    cut(at, sees) {
      rule = { at, sees }
    },
    cutAll() {
      for (const socket of links) socket.destroy()
    },
    hold(held) {
      holding = held
      for (const socket of links) {
        if (held) socket.pause()
        else socket.resume()
      }
    },
    async close() {
      const closed = once(listener, 'close')
      listener.close()
      for (const socket of links) socket.destroy()
      await closed
    },
  }
}
