import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'

/** A message of Postgres' protocol: its kind, and its content. */
function message(kind: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length + 4)
  return Buffer.concat([Buffer.from(kind), length, content])
}

const authenticated = message('R', Buffer.alloc(4))
const ready = message('Z', Buffer.from('I'))
const shutdown = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'))

let server: Server

/** Opens a connection and takes it back in the same bytes, as a server may that is being shut down. */
beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, shutdown])))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

test('a server that closes a connection in the bytes that open it fails a query, and not the process', async () => {
  const { port } = server.address() as AddressInfo
  const database = await openDatabase({ host: '127.0.0.1', port, database: 'd', user: 'u', password: 'p' })
  try {
    const session = await database.connect(new AbortController().signal)
    await expect(session.query('SELECT 1')).rejects.toThrow(/terminat|queryable/)
    session.release(true)
  } finally {
    await database.close()
  }
})
