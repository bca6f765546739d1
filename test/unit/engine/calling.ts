import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach } from 'vitest'
import type { AsyncContext, AsyncOptions } from '../../../src/definition/context.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Unkeyed } from '../../../src/definition/marks.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

export type Ctx = AsyncContext<Unkeyed>
export type Call = (n: number, ctx: Ctx) => Promise<unknown>

/** Of the test under way. */
export let log: LogSource
export let out: BreakableSink
export let task: Task
export let warnings: string[]

interface Parts {
  readonly onError?: PipelineOptions<unknown, unknown>['onError']
  readonly options?: AsyncOptions
  readonly commitMs?: number | null
}

/** Each number through `call` to `out`. */
export async function start(call: Call, { onError, options, commitMs = null }: Parts = {}): Promise<void> {
  await run(
    definePipeline({
      name: 'calling',
      ...(onError !== undefined && { onError }),
      sources: { numbers: log.source() },
      steps: ({ numbers }) => numbers.asyncMap('call', call, options).to('out', out.sink<unknown>()),
    }),
    commitMs,
  )
}

export async function run(
  pipeline: ConstructorParameters<typeof Task>[0],
  commitMs: number | null = null,
): Promise<void> {
  const log_ = { info: () => undefined, warn: (message: string) => void warnings.push(message) }
  task = new Task(pipeline, { commitMs, host: hostOf({ log: log_ }) })
  await task.claim()
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

/** Another source and another sink. */
export function anew(): void {
  log = new LogSource()
  out = new BreakableSink('out')
}

/** A source, a sink and a task for each test. */
export function setUp(): void {
  beforeEach(() => {
    anew()
    warnings = []
  })
  afterEach(async () => {
    await task.lose()
  })
}
