/** What tests of steps that are waited for share. */
import { setTimeout as delay } from 'node:timers/promises'
import type { AsyncContext, AsyncOptions } from '../../../src/definition/context.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Unkeyed } from '../../../src/definition/marks.js'
import type { Pipeline, PipelineOptions } from '../../../src/definition/pipeline.js'
import type { BreakableSink } from './breakable-sink.js'
import type { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

export type Ctx = AsyncContext<Unkeyed>
export type Call = (n: number, ctx: Ctx) => Promise<unknown>

export interface Parts {
  readonly onError?: PipelineOptions<unknown, unknown>['onError']
  readonly options?: AsyncOptions
}

/** Each number through `call` to `out`. */
export function asking(log: LogSource, out: BreakableSink, call: Call, { onError, options }: Parts = {}): Pipeline {
  return definePipeline({
    name: 'calling',
    ...(onError !== undefined && { onError }),
    sources: { numbers: log.source() },
    steps: ({ numbers }) => numbers.asyncMap('call', call, options).to('out', out.sink<unknown>()),
  })
}

/** Claimed, and about to run its first epoch. */
export async function claimed(pipeline: Pipeline, commitMs: number | null, warnings: string[] = []): Promise<Task> {
  const log = { info: () => undefined, warn: (message: string) => void warnings.push(message) }
  const task = new Task(pipeline, { commitMs, host: hostOf({ log }) })
  await task.claim()
  return task
}

export const until = (position: number) => ({ until: { numbers: String(position) } })
export const count = (n: number): number[] => Array.from({ length: n }, (_, index) => index)

/** What is called waits until the test lets it go. */
export class Gate {
  readonly asked: number[] = []
  readonly signals: AbortSignal[] = []
  private readonly go = new Map<number, () => void>()

  readonly call: Call = async (n, { signal }) => {
    this.asked.push(n)
    this.signals.push(signal)
    await new Promise<void>((resolve) => this.go.set(n, resolve))
    return n
  }

  open(n: number): void {
    this.go.get(n)?.()
  }
}

/** Resolves when `look` is true; the test's own time-out says if it never is. */
export async function eventually(look: () => boolean): Promise<void> {
  while (!look()) await delay(2)
}
