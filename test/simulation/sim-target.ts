import type { IdempotentSink } from '../../src/definition/sink.js'
import type { Process } from './schedule.js'

/** A target without a ledger that keeps one effect per id. */
export class SimTarget {
  readonly id: string
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
            for (const { id } of items) this.held.add(id)
            await process.step(`${this.id} written`)
            return { failed: [] }
          },
          close: async () => {},
        }
      },
    }
  }
}
