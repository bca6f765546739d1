/**
 * Stands in for `@temporalio/workflow` while a simulation runs: as much of it as workflows/task.ts uses, over the
 * execution that is being activated.
 */
import { ActivityFailure, CancelledFailure } from '@temporalio/common'
import type { Execution } from './execution.js'

export { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common'

let current: Execution | null = null
let scope: Pick<CancellationScope, 'cancellations'> | null = null

/** Whose code runs from now on. */
export function enter(execution: Execution): void {
  current = execution
}

function here(): Execution {
  if (current === null) throw new TypeError('no workflow is being activated')
  return current
}

export const ActivityCancellationType = { WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED' } as const

export class ContinueAsNew extends Error {
  readonly input: unknown

  constructor(input: unknown) {
    super('continues as new')
    this.input = input
  }
}

export const makeContinueAsNewFunc =
  () =>
  (input: unknown): Promise<never> =>
    Promise.reject(new ContinueAsNew(input))

export const workflowInfo = (): Execution['info'] => here().info

export const condition = (isMet: () => boolean, ms?: number): Promise<boolean> => here().condition(isMet, ms)

export const defineSignal = (name: string): { name: string } => ({ name })
export const defineQuery = defineSignal
export const defineUpdate = defineSignal

export const setHandler = ({ name }: { name: string }, handler: (input: unknown) => unknown): void =>
  void here().handlers.set(name, handler)

export const upsertMemo = (memo: Readonly<Record<string, unknown>>): void => here().upsertMemo(memo)

/** No run here is older than the code. */
export const patched = (): boolean => true

export const setCurrentDetails = (): void => {}
export const upsertSearchAttributes = (): void => {}

export const getExternalWorkflowHandle = (workflowId: string) => ({
  signal: ({ name }: { name: string }, input: unknown): Promise<void> => here().signal(workflowId, name, input),
})

export const isCancellation = (error: unknown): boolean =>
  error instanceof CancelledFailure || (error instanceof ActivityFailure && error.cause instanceof CancelledFailure)

/** Every property is an activity of that name. */
export const proxyActivities = (options: { readonly taskQueue?: string }) =>
  new Proxy<Record<string, (input: unknown) => Promise<unknown>>>(
    {},
    { get: (_, type: string) => (input: unknown) => here().activity(type, options.taskQueue ?? '', input, scope) },
  )

export class CancellationScope {
  /** Cancels what was begun in this scope. */
  readonly cancellations: (() => void)[] = []
  readonly cancelRequested: Promise<never> = new Promise(() => {})

  static current(): CancellationScope {
    return new CancellationScope()
  }

  static nonCancellable<T>(work: () => Promise<T>): Promise<T> {
    return work()
  }

  /** What `work` begins before it first waits belongs to this scope. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const outer = scope
    scope = { cancellations: this.cancellations }
    try {
      return work()
    } finally {
      scope = outer
    }
  }

  cancel(): void {
    for (const cancel of this.cancellations) cancel()
  }
}
