import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below what Linux and macOS hand out to outgoing connections: such a port stays free while its server restarts. */
const LOWEST = 20_000
const HIGHEST = 32_000

const taken = new Set<number>()

/** A port of 127.0.0.1 that nothing listens on, and that this process hasn't been given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(LOWEST, HIGHEST)
    if (taken.has(port)) continue
    taken.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port found between ${LOWEST} and ${HIGHEST} of 127.0.0.1`)
}

/** Whether a server could listen on `port` of 127.0.0.1 now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
