import type { Sink } from 'tidemark'
import { fileSink } from 'tidemark/file'
import type { CountedLine } from '../../test/fixtures/pipeline.js'

/** Tells a worker which sink to write to. */
export interface WorkerSink {
  readonly kind: 'file'
  readonly directory: string
}

export function sinkOf(settings: WorkerSink): Sink<CountedLine> {
  return fileSink({ directory: settings.directory })
}
