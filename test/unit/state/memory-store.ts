import { setTimeout as delay } from 'node:timers/promises'
import type { SegmentStore } from '../../../src/definition/state-backend.js'

/** A store in memory, slow or broken where a test says so. */
export class MemoryStore implements SegmentStore {
  readonly blobs = new Map<string, { blob: Uint8Array; at: number }>()
  /** What each call of that kind is answered with, null: it succeeds. */
  failure: Error | null = null
  slowMs = 0
  now = 1_000_000
  puts = 0
  putBytes = 0
  closed = false

  async put(key: string, blob: Uint8Array): Promise<void> {
    await this.answer()
    this.puts++
    this.putBytes += blob.length
    this.blobs.set(key, { blob, at: this.now })
  }

  async get(key: string): Promise<Uint8Array | null> {
    await this.answer()
    return this.blobs.get(key)?.blob ?? null
  }

  async *list(): AsyncGenerator<{ key: string; bytes: number; at: number }> {
    await this.answer()
    for (const [key, { blob, at }] of this.blobs) yield { key, bytes: blob.length, at }
  }

  async touch(keys: readonly string[]): Promise<void> {
    await this.answer()
    for (const key of keys) {
      const found = this.blobs.get(key)
      if (found !== undefined) found.at = this.now
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.answer()
    for (const key of keys) this.blobs.delete(key)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private async answer(): Promise<void> {
    await delay(this.slowMs)
    if (this.failure !== null) throw this.failure
  }
}
