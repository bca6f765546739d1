import type { Sink } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSink } from 'tidemark/kafka'
import { postgresSink } from 'tidemark/postgres'
import { type S3Connection, s3Sink } from 'tidemark/s3'
import type { CountedLine } from '../../test/fixtures/pipeline.js'

/** Tells a worker which sink to write to. */
export type WorkerSink =
  | { readonly kind: 'file'; readonly directory: string }
  | { readonly kind: 'kafka'; readonly topic: string }
  /** `url`: with user and password; the worker adds its name. */
  | { readonly kind: 'postgres'; readonly url: string; readonly table: string }
  | { readonly kind: 's3'; readonly connection: S3Connection; readonly bucket: string; readonly prefix: string }

export function sinkOf(settings: WorkerSink): Sink<CountedLine> {
  switch (settings.kind) {
    case 'file':
      return fileSink({ directory: settings.directory })
    case 'kafka':
      // Partition by partition, so that order can be told.
      return kafkaSink({ topic: settings.topic, partition: ({ partition }) => partition, transactionTimeout: '10s' })
    case 'postgres':
      return postgresSink({ table: settings.table })
    case 's3':
      return s3Sink({ bucket: settings.bucket, prefix: settings.prefix })
  }
}
