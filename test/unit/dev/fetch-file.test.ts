import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { fetchFile, fetchJson } from '../../../src/dev/fetch-file.js'

let server: Server
let base: string
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-test-fetch-'))
  server = createServer((request, response) => {
    if (request.url === '/abc') response.end('abc')
    else if (request.url === '/json') response.end('{"a":1}')
    else if (request.url === '/stalls') response.write('half')
    else if (request.url !== '/silent') response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(directory, { recursive: true })
})

it('writes the file and returns its hash', async () => {
  const file = join(directory, 'abc')
  const hash = await fetchFile(`${base}/abc`, file, 'sha256')
  expect(await readFile(file, 'utf8')).toBe('abc')
  // The example of FIPS 180-2.
  expect(hash).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

it('parses JSON', async () => {
  expect(await fetchJson(`${base}/json`)).toEqual({ a: 1 })
})

it('says which address answers with what', async () => {
  await expect(fetchJson(`${base}/nothing`)).rejects.toThrow(`${base}/nothing: HTTP 404`)
})

it('says why there is no connection', async () => {
  await expect(fetchJson('http://127.0.0.1:9/')).rejects.toThrow(/^http:\/\/127\.0\.0\.1:9\/: .+/)
})

it.each(['/silent', '/stalls'])('gives up on %s', async (path) => {
  await expect(fetchFile(`${base}${path}`, join(directory, 'x'), 'sha256', 300)).rejects.toThrow('silent for 0.3 s')
})
