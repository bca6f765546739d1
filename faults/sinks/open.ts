import { join } from 'node:path'
import type { Servers } from '../servers.js'
import { fileSinkUnderTest } from './file.js'
import { kafkaSinkUnderTest } from './kafka.js'
import { postgresSinkUnderTest } from './postgres.js'
import { s3SinkUnderTest } from './s3.js'
import type { SinkName, SinkUnderTest } from './sink.js'

export interface SinkSurroundings {
  readonly servers: Servers
  /** For what it keeps on the disk. */
  readonly directory: string
  /** Outputs tell of state too. */
  readonly keeps: boolean
  readonly onProgress: (line: string) => void
}

/** The sink of that name, with what it needs served. */
export function openSink(
  name: SinkName,
  { directory, servers, keeps, onProgress }: SinkSurroundings,
): Promise<SinkUnderTest> {
  switch (name) {
    case 'file':
      return Promise.resolve(fileSinkUnderTest(join(directory, 'output')))
    case 'kafka':
      return Promise.resolve(kafkaSinkUnderTest(servers))
    case 'postgres':
      return postgresSinkUnderTest(keeps, onProgress)
    case 's3':
      return s3SinkUnderTest()
  }
}
