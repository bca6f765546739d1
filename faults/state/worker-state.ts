import type { StateBackend, StateStore } from 'tidemark'
import { lmdbStore } from 'tidemark/lmdb'
import { type S3Connection, s3State } from 'tidemark/s3'

/** Tells a worker where its pipelines keep their state. */
export type WorkerState =
  | { readonly kind: 'inline' }
  | {
      readonly kind: 's3'
      readonly connection: S3Connection
      readonly bucket: string
      /** Its values are there. Default: in memory. */
      readonly valuesIn?: string
    }

/** Undefined: in history. */
export function backendOf(settings: WorkerState): StateBackend | undefined {
  // As short as may be: what is dropped is deleted within a run of some minutes.
  return settings.kind === 's3' ? s3State({ bucket: settings.bucket, prefix: 'state', retain: '1m' }) : undefined
}

/** Undefined: in memory. */
export function storeOf(settings: WorkerState): StateStore | undefined {
  if (settings.kind !== 's3' || settings.valuesIn === undefined) return undefined
  // There is little state: were some of it to wait for more, it would all be in memory.
  return lmdbStore({ directory: settings.valuesIn, batch: 0 })
}
