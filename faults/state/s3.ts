import { openS3Link } from '../s3-link.js'
import type { Point } from '../sinks/sink.js'
import { stateRequest } from './s3-requests.js'
import type { StateUnderTest } from './state.js'

/** One bucket of a server of its own, which workers reach through a proxy. `valuesIn`: a directory that all of them share. */
export async function s3StateUnderTest(valuesIn?: string): Promise<StateUnderTest> {
  const { server, link, bucket, connection, close } = await openS3Link(stateRequest)
  const point = (name: string, weight: number, opening: boolean): [string, Point] => [
    `state ${name}`,
    { proxy: link, name, weight, opening },
  ]
  return {
    servers: { state: server },
    links: { state: link },
    // Segments are stored with each checkpoint, and read where a task is taken over.
    points: Object.fromEntries([point('put segment', 4, false), point('read segment', 2, true)]),
    settings: { kind: 's3', connection, bucket, ...(valuesIn !== undefined && { valuesIn }) },
    close,
  }
}
