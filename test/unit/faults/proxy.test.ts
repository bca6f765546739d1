import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { kafkaProtocol } from '../../../faults/proxy/kafka-protocol.js'
import { type Fate, Proxy } from '../../../faults/proxy/proxy.js'
import { freePort } from '../../../src/dev/ports.js'
import { waitUntil } from '../../setup/wait-until.js'

const END_TXN = 26
const FETCH = 1

let server: Server
let proxy: Proxy
let client: Socket
/** Correlation ids of the requests that the server got, and of the responses that the client got. */
let asked: number[]
let answered: number[]
let closed: boolean

beforeEach(async () => {
  ;[asked, answered, closed] = [[], [], false]
  const port = await freePort()
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
        asked.push(bytes.readInt32BE(at + 8))
        socket.write(frame(bytes.subarray(at + 8, at + 12)))
      }
    })
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  proxy = await Proxy.listen(await freePort(), port, kafkaProtocol)
  client = connect(proxy.port, '127.0.0.1')
  client.on('error', () => undefined)
  client.on('close', () => (closed = true))
  client.on('data', (bytes) => {
    for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) answered.push(bytes.readInt32BE(at + 4))
  })
  await once(client, 'connect')
})

afterEach(async () => {
  client.destroy()
  await proxy.close()
  server.close()
})

it('passes everything on, however it is cut into pieces', async () => {
  const bytes = Buffer.concat([request(FETCH, 1), request(END_TXN, 2), request(FETCH, 3)])
  for (let at = 0; at < bytes.length; at += 5) {
    client.write(bytes.subarray(at, at + 5))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await waitUntil(() => answered.length === 3)
  expect([asked, answered]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ])
})

it('cuts at a request: the server never gets it', async () => {
  trap('request', 'cut')
  client.write(Buffer.concat([request(FETCH, 1), request(END_TXN, 2)]))
  await waitUntil(() => closed)
  expect(asked).not.toContain(2)
})

it('cuts at a response: the server has done it, and the client is not told', async () => {
  trap('response', 'cut')
  client.write(Buffer.concat([request(FETCH, 1), request(END_TXN, 2)]))
  await waitUntil(() => closed)
  expect(asked).toEqual([1, 2])
  expect(answered).not.toContain(2)
})

it('drops a response and all that follows, on a connection that stays', async () => {
  trap('response', 'drop')
  client.write(Buffer.concat([request(FETCH, 1), request(END_TXN, 2), request(FETCH, 3)]))
  await waitUntil(() => asked.length === 3)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([answered, closed]).toEqual([[1], false])
})

it('holds a request up until it is let go, after its client has gone', async () => {
  let letGo: (fate: Fate) => void = () => undefined
  let caught = ''
  proxy.set({
    side: 'request',
    name: 'EndTxn',
    spring: (message) => {
      caught = message.client
      return new Promise((resolve) => (letGo = resolve))
    },
  })
  client.write(request(END_TXN, 2))
  await waitUntil(() => caught !== '')
  expect(caught).toBe('worker-1')
  client.destroy()
  await waitUntil(() => closed)
  expect(asked).toEqual([])
  letGo('pass')
  await waitUntil(() => asked.length === 1)
  expect(asked).toEqual([2])
})

it('springs once, and only for the client that it is set for', async () => {
  proxy.set({ side: 'request', name: 'EndTxn', client: 'worker-2', spring: () => Promise.resolve('cut') })
  client.write(request(END_TXN, 1))
  await waitUntil(() => answered.length === 1)
  trap('request', 'pass')
  client.write(Buffer.concat([request(END_TXN, 2), request(END_TXN, 3)]))
  await waitUntil(() => answered.length === 3)
})

it('holds everything up, and lets it go in order', async () => {
  proxy.hold()
  client.write(Buffer.concat([request(FETCH, 1), request(FETCH, 2)]))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(asked).toEqual([])
  proxy.goOn()
  await waitUntil(() => answered.length === 2)
  expect(answered).toEqual([1, 2])
})

it('passes a reset on, and keeps nothing of the connection', async () => {
  server.removeAllListeners('connection').on('connection', (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.resetAndDestroy())
  })
  // Reset it is: an end in order would not close this one.
  const patient = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  const errors: unknown[] = []
  patient.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
  patient.resume()
  patient.write(request(FETCH, 1))
  await waitUntil(() => patient.destroyed, { for: 'the reset to arrive' })
  expect(errors).toEqual(['ECONNRESET'])
  await waitUntil(() => proxy.open === 1, { for: 'the connection to be forgotten' })
})

function trap(side: 'request' | 'response', fate: Fate): void {
  proxy.set({ side, name: 'EndTxn', spring: () => Promise.resolve(fate) })
}

function request(key: number, correlation: number): Buffer {
  const client_ = 'worker-1'
  const header = Buffer.alloc(10)
  header.writeInt16BE(key, 0)
  header.writeInt16BE(3, 2)
  header.writeInt32BE(correlation, 4)
  header.writeInt16BE(client_.length, 8)
  return frame(Buffer.concat([header, Buffer.from(client_), Buffer.from('body')]))
}

function frame(payload: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(payload.length)
  return Buffer.concat([length, payload])
}
