import type { IdempotentSink, WriteResult } from '../../src/definition/sink.js'
import { refuses, type SimOutput } from './model.js'
import { isTimer } from './model-state.js'
import type { Process } from './schedule.js'

/** A target without a ledger that keeps one effect per id, and refuses some. */
export class SimTarget {
  readonly id: string
  /** By `v.i`. */
  readonly held = new Set<string>()

  constructor(id: string) {
    this.id = id
  }

  sink<T>(): IdempotentSink<T, unknown> {
    return {
      kind: 'simulated',
      mode: 'idempotent',
      dedupes: true,
      encode: ({ value }) => value,
      open: async (ctx) => {
        const process = ctx.connection('process', 'default') as Process
        await process.step(`${this.id} open`)
        return {
          write: async (items) => {
            await process.step(`${this.id} write`)
            const failed: WriteResult['failed'][number][] = []
            for (const { id, data } of items) {
              if (isTimer(data as object)) continue
              const { v, i } = data as SimOutput
              if (refuses(this.id, v, i)) failed.push({ id, error: new Error('refused'), retryable: false })
              else this.held.add(`${v}.${i}`)
            }
            await process.step(`${this.id} written`)
            return { failed }
          },
          close: async () => {},
        }
      },
    }
  }
}
