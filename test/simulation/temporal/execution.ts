import type { TaskState } from '../../../src/protocol/task.js'
import { ContinueAsNew, type CancellationScope, enter } from './workflow.js'

export interface ActivityCommand {
  readonly kind: 'activity'
  readonly seq: number
  readonly type: string
  readonly queue: string
  readonly input: unknown
}

/** What workflow code asks of the server. */
export type Command =
  | ActivityCommand
  | { readonly kind: 'cancel'; readonly seq: number }
  | { readonly kind: 'timer'; readonly seq: number; readonly ms: number }
  | { readonly kind: 'signal'; readonly seq: number; readonly workflowId: string; readonly input: unknown }

/** What the server tells workflow code. `error` given: it failed. */
export type Job =
  | { readonly kind: 'start' }
  | { readonly kind: 'settled'; readonly seq: number; readonly value?: unknown; readonly error?: Error }
  | { readonly kind: 'signalled'; readonly name: string; readonly input: unknown }

/** What a workflow may know of its run. */
export interface RunFacts {
  readonly runId: string
  readonly firstExecutionRunId: string
  readonly originalExecutionRunId: string
  readonly continuedFromExecutionRunId?: string
  memo: Readonly<Record<string, unknown>>
  readonly historyLength: number
}

export type End =
  | { readonly kind: 'completed'; readonly result: TaskState }
  | { readonly kind: 'continued'; readonly input: TaskState }
  | { readonly kind: 'failed'; readonly error: unknown }

type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
type Waiter = { readonly isMet: () => boolean; readonly done: (met: boolean) => void }

/** A workflow's code in a worker's memory: built from history, and as often as that is forgotten. */
export class Execution {
  readonly handlers = new Map<string, (input: unknown) => unknown>()
  end: End | null = null
  private readonly facts: RunFacts
  private readonly main: () => Promise<TaskState>
  private readonly issue: (command: Command) => void
  private readonly pending = new Map<number, Pending>()
  private readonly waiters = new Set<Waiter>()
  private seq = 0

  constructor(facts: RunFacts, main: () => Promise<TaskState>, issue: (command: Command) => void) {
    this.facts = facts
    this.main = main
    this.issue = issue
  }

  get info() {
    return {
      ...this.facts,
      historyLength: this.facts.historyLength,
      continueAsNewSuggested: false,
      targetWorkerDeploymentVersionChanged: false,
      typedSearchAttributes: { getAll: (): readonly unknown[] => [] },
    }
  }

  apply(job: Job): void {
    enter(this)
    if (job.kind === 'start') this.begin()
    else if (job.kind === 'signalled') this.handlers.get(job.name)?.(job.input)
    else {
      const pending = this.pending.get(job.seq)
      this.pending.delete(job.seq)
      if (job.error === undefined) pending?.resolve(job.value)
      else pending?.reject(job.error)
    }
  }

  /** As the SDK does between its turns: whoever waits for what has come true goes on. True if somebody does. */
  wake(): boolean {
    if (this.end !== null) return false
    for (const waiter of this.waiters) {
      if (!waiter.isMet()) continue
      enter(this)
      this.waiters.delete(waiter)
      waiter.done(true)
      return true
    }
    return false
  }

  condition(isMet: () => boolean, ms?: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiter = { isMet, done: resolve }
      this.waiters.add(waiter)
      if (ms === undefined) return
      const seq = ++this.seq
      this.pending.set(seq, { resolve: () => this.waiters.delete(waiter) && resolve(false), reject: () => undefined })
      this.issue({ kind: 'timer', seq, ms })
    })
  }

  activity(
    type: string,
    queue: string,
    input: unknown,
    scope: Pick<CancellationScope, 'cancellations'> | null,
  ): Promise<unknown> {
    const seq = ++this.seq
    scope?.cancellations.push(() => this.issue({ kind: 'cancel', seq }))
    return this.answered(seq, { kind: 'activity', seq, type, queue, input: plain(input) })
  }

  async signal(workflowId: string, _name: string, input: unknown): Promise<void> {
    const seq = ++this.seq
    await this.answered(seq, { kind: 'signal', seq, workflowId, input: plain(input) })
  }

  upsertMemo(memo: Readonly<Record<string, unknown>>): void {
    this.facts.memo = { ...this.facts.memo, ...memo }
  }

  private answered(seq: number, command: Command): Promise<unknown> {
    const answer = new Promise((resolve, reject) => this.pending.set(seq, { resolve, reject }))
    this.issue(command)
    return answer
  }

  private begin(): void {
    this.main().then(
      (result) => (this.end = { kind: 'completed', result: plain(result) }),
      (error: unknown) => {
        if (error instanceof ContinueAsNew) this.end = { kind: 'continued', input: plain(error.input as TaskState) }
        else this.end = { kind: 'failed', error }
      },
    )
  }
}

/** As everything is that travels. */
export const plain = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T))
