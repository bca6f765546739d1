import type { Sink } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSink } from 'tidemark/kafka'
import type { CountedLine } from '../../test/fixtures/pipeline.js'

/** Tells a worker which sink to write to. */
export type WorkerSink =
  { readonly kind: 'file'; readonly directory: string } | { readonly kind: 'kafka'; readonly topic: string }

export function sinkOf(settings: WorkerSink): Sink<CountedLine> {
  switch (settings.kind) {
    case 'file':
      return fileSink({ directory: settings.directory })
    case 'kafka':
      // Partition by partition, so that order can be told.
      return kafkaSink({ topic: settings.topic, partition: ({ partition }) => partition, transactionTimeout: '10s' })
  }
}
