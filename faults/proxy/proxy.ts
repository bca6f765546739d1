import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Channel, type Fate, type Passage } from './channel.js'
import type { Message, Protocol, Side } from './protocol.js'

export type { Fate } from './channel.js'

/** Springs at the first message that it is set for, and never again. */
export interface Trap {
  readonly side: Side
  readonly name: string
  /** Of this client only. Default: of any. */
  readonly client?: string
  /** Decides while the message, and all behind it, waits. Must not reject. */
  readonly spring: (message: Message) => Promise<Fate>
}

const HOST = '127.0.0.1'

/** Stands between clients and one server: what passes can be held up, cut and lost, message by message. */
export class Proxy implements Passage {
  readonly port: number
  held: Promise<void> | null = null
  private readonly server: Server
  private readonly traps = new Set<Trap>()
  private readonly connections = new Set<() => void>()
  private release: () => void = () => undefined

  private constructor(server: Server, port: number) {
    this.server = server
    this.port = port
  }

  /** Listens on `port` of 127.0.0.1 and passes on to `upstream` there, which need not serve yet. */
  static async listen(port: number, upstream: number, protocol: Protocol): Promise<Proxy> {
    const server = createServer({ allowHalfOpen: true })
    const proxy = new Proxy(server, port)
    server.on('connection', (client) => proxy.accept(client, upstream, protocol))
    server.listen(port, HOST)
    await once(server, 'listening')
    return proxy
  }

  get address(): string {
    return `${HOST}:${this.port}`
  }

  /** Connections open now. */
  get open(): number {
    return this.connections.size
  }

  /** Returns what takes the trap away again, if it hasn't sprung. */
  set(trap: Trap): () => void {
    this.traps.add(trap)
    return () => void this.traps.delete(trap)
  }

  fate(side: Side, message: Message): Promise<Fate> | null {
    if (this.traps.size === 0) return null
    for (const trap of this.traps) {
      if (trap.side !== side || trap.name !== message.name) continue
      if (trap.client !== undefined && trap.client !== message.client) continue
      this.traps.delete(trap)
      return trap.spring(message)
    }
    return null
  }

  /** Ends every connection, with what is on its way. Returns how many there were. */
  cut(): number {
    const all = [...this.connections]
    for (const end of all) end()
    return all.length
  }

  /** Nothing passes, new connections included, until `goOn`. */
  hold(): void {
    this.held ??= new Promise((resolve) => (this.release = resolve))
  }

  goOn(): void {
    this.held = null
    this.release()
  }

  async close(): Promise<void> {
    this.goOn()
    const closed = once(this.server, 'close')
    this.server.close()
    this.cut()
    await closed
  }

  private accept(client: Socket, upstream: number, protocol: Protocol): void {
    const server = connect({ port: upstream, host: HOST, allowHalfOpen: true })
    const conversation = protocol()
    const cut = (): void => {
      this.connections.delete(cut)
      for (const channel of [requests, responses]) channel.stop()
      // With RST where the platform does so: as when a machine in between has gone.
      // Not where the end is on its way already: the reset would fail, and Node 20 wait at its exit for what is left of it.
      for (const socket of [client, server]) {
        if (socket.writableEnded) socket.destroy()
        else socket.resetAndDestroy()
      }
    }
    const requests = new Channel('request', server, this, cut)
    const responses = new Channel('response', client, this, cut)
    this.connections.add(cut)
    const join = (from: Socket, side: Side, channel: Channel): void => {
      from.setNoDelay(true)
      from.on('data', (chunk) => channel.take(conversation.messages(side, chunk)))
      from.on('end', () => channel.end())
      // Told by 'close' too. A client that is gone may still have requests on their way: they arrive.
      from.on('error', () => channel.end())
      from.on('close', () => {
        channel.end()
        if (client.destroyed && server.destroyed) this.connections.delete(cut)
      })
    }
    // Nobody is left to answer. Before anything else hears of it and ends the other side in order.
    server.on('error', cut)
    join(client, 'request', requests)
    join(server, 'response', responses)
  }
}
