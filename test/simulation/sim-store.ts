import type { SegmentStore, StateBackend } from '../../src/definition/state-backend.js'
import type { Process } from './schedule.js'

/** Segments are deleted so long after they were needed last: soon, so that it happens. */
const RETAIN_MS = 2_000

/** A state backend, with a step before everything that it does, and one after what has an effect. */
export class SimStore {
  private readonly blobs = new Map<string, { readonly blob: Uint8Array; at: number }>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  get backend(): StateBackend {
    return {
      kind: 'simulated',
      describe: 'a simulated store',
      retainMs: RETAIN_MS,
      open: async (ctx) => {
        const process = ctx.connection('process', 'default') as Process
        await process.step('state open')
        return this.storeOf(process)
      },
    }
  }

  private storeOf(process: Process): SegmentStore {
    const { blobs } = this
    return {
      put: async (key, blob) => {
        await process.step('state put')
        blobs.set(key, { blob, at: this.now() })
        await process.step('state stored')
      },
      get: async (key) => {
        await process.step('state get')
        return blobs.get(key)?.blob ?? null
      },
      async *list() {
        await process.step('state list')
        for (const [key, { blob, at }] of blobs) yield { key, bytes: blob.length, at }
      },
      touch: async (keys) => {
        await process.step('state touch')
        for (const key of keys) {
          const found = blobs.get(key)
          if (found !== undefined) found.at = this.now()
        }
        await process.step('state touched')
      },
      delete: async (keys) => {
        await process.step('state delete')
        for (const key of keys) blobs.delete(key)
      },
      close: async () => {},
    }
  }
}
