import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

import { expect, it } from 'vitest'

import { freePort, isFree } from '../../../src/dev/ports.js'

it('sees a port that something listens on', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await isFree(port)).toBe(false)
  server.close()
  await once(server, 'close')
  expect(await isFree(port)).toBe(true)
})

it('gives out no port twice, and none that outgoing connections may take', async () => {
  const ports = await Promise.all(Array.from({ length: 1_000 }, freePort))
  expect(new Set(ports).size).toBe(1_000)
  expect(Math.max(...ports)).toBeLessThan(32_768)
})
