import type { StateBackend } from 'tidemark'
import { type S3Connection, s3State } from 'tidemark/s3'

/** Tells a worker where its pipelines keep their state. */
export type WorkerState =
  { readonly kind: 'inline' } | { readonly kind: 's3'; readonly connection: S3Connection; readonly bucket: string }

/** Undefined: in history. */
export function backendOf(settings: WorkerState): StateBackend | undefined {
  // As short as may be: what is dropped is deleted within a run of some minutes.
  return settings.kind === 's3' ? s3State({ bucket: settings.bucket, prefix: 'state', retain: '1m' }) : undefined
}
