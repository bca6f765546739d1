import type { SegmentStore, StateBackend } from '../definition/state-backend.js'

/** A state backend for one pipeline under test: nothing of it is to be found anywhere. */
export function memorySegments(): StateBackend {
  const tasks = new Map<string, Map<string, Uint8Array>>()
  return {
    kind: 'memory',
    describe: 'memory',
    retainMs: Number.MAX_SAFE_INTEGER,
    async open({ stage, partition }) {
      const task = `${stage}/${partition}`
      const blobs = tasks.get(task) ?? new Map<string, Uint8Array>()
      tasks.set(task, blobs)
      return storeOf(blobs)
    },
  }
}

function storeOf(blobs: Map<string, Uint8Array>): SegmentStore {
  return {
    put: async (key, blob) => void blobs.set(key, blob),
    get: async (key) => blobs.get(key) ?? null,
    async *list() {},
    async touch() {},
    async delete(keys) {
      for (const key of keys) blobs.delete(key)
    },
    async close() {},
  }
}
