import type { S3Connection } from 'tidemark/s3'
import { freePort } from '../src/dev/ports.js'
import { type S3Server, startS3 } from '../test/setup/s3/s3-server.js'
import { type AboutHttp, httpProtocol } from './proxy/http-protocol.js'
import { Proxy } from './proxy/proxy.js'

/** An S3 server with a bucket, which workers reach through a proxy. */
export interface S3Link {
  readonly server: S3Server
  readonly link: Proxy
  readonly bucket: string
  /** The workers' way to it. */
  readonly connection: S3Connection
  readonly close: () => Promise<void>
}

export async function openS3Link(about: AboutHttp): Promise<S3Link> {
  const server = await startS3()
  const link = await Proxy.listen(await freePort(), Number(new URL(server.endpoint).port), httpProtocol(about))
  return {
    server,
    link,
    bucket: await server.makeBucket(),
    connection: { ...server.connection, endpoint: `http://${link.address}` },
    async close() {
      await server.stop()
      await link.close()
    },
  }
}
