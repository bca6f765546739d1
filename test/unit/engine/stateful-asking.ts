/** What tests of state in one stage with steps that are waited for share. */
import { setTimeout as delay } from 'node:timers/promises'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline, PipelineOptions } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import type { Stream } from '../../../src/definition/stream.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

export type Keyed = Stream<number, number>
export type Made = Stream<unknown, number, unknown>

/** All numbers have one key: what one sees of state, all others have done. */
export const oneKey = (numbers: Stream<number>): Keyed =>
  numbers.keyBy('one', () => 1, { key: json() as Serde<number>, alreadyPartitioned: true })

/** Each value with what came before it, by one's own count. */
export const counted = <T>(id: string, stream: Stream<T, number>) =>
  stream.stateful(id, {
    init: () => 0,
    onRecord(value, state) {
      state.set(state.get() + 1)
      return [[value, state.get()] as const]
    },
  })

/** A log, a ledger, a state backend, and one task between them. */
export class StatefulAsking {
  readonly log = new LogSource()
  readonly out = new BreakableSink('out')
  readonly store = new MemoryStore()
  readonly backend: StateBackend = {
    kind: 'memory',
    describe: 'a map',
    retainMs: 1_000,
    open: async () => this.store,
  }
  /** How often anything was asked. */
  calls = 0
  task!: Task

  pipelineOf(
    steps: (numbers: Keyed) => Made,
    onError: PipelineOptions<unknown, unknown>['onError'] = 'fail',
  ): Pipeline {
    return definePipeline({
      name: 'stateful',
      state: { backend: this.backend },
      onError,
      sources: { numbers: this.log.source() },
      steps: ({ numbers }) => steps(oneKey(numbers)).to('out', this.out.sink<unknown>()),
    })
  }

  async start(steps: (numbers: Keyed) => Made, onError: 'fail' | 'skip' = 'fail'): Promise<void> {
    await this.run(this.pipelineOf(steps, onError))
  }

  async run(pipeline: Pipeline): Promise<void> {
    this.task = new Task(pipeline, { commitMs: 0 })
    await this.task.claim()
  }

  /** Another answer each time. */
  readonly ask = async (n: number): Promise<string> => {
    await delay(n % 4)
    return `${n}#${this.calls++}`
  }
}
