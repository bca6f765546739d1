import type { UpdateDefinition } from '@temporalio/common'
import { defineSink } from '../../definition/define-sink.js'
import type { IdempotentSink, Output, Sink } from '../../definition/sink.js'
import { type Duration, parseDuration } from '../../units.js'
import { faultsOfStart, faultsOfUpdate } from './faults.js'
import type { StartRequest } from './start-writer.js'

/** Not `any`: it makes the compiler keep literals and tuples in `args`. */
// oxlint-disable-next-line no-empty-object-type -- `{}` stands for whatever isn't null or undefined
type Arg = {} | null | undefined | string | number | boolean | bigint

interface StartOptions<T, A extends Arg[]> {
  /** Its type, or the function itself: then `args` is checked against its parameters. */
  readonly workflow: string | ((...args: A) => Promise<unknown>)
  readonly taskQueue: string
  /** Arguments, as a function of the value. They go through the client's data converter. */
  readonly args: (value: T, output: Output<T>) => [...A]
  /** Kept with the workflow, beside `tidemark.item`, the id of the item it was started for. Default: nothing. */
  readonly memo?: (value: T, output: Output<T>) => Readonly<Record<string, unknown>>
  /** Name of a client of the worker (plugin option `temporal`). Default: the worker's own client. */
  readonly connection?: string
  /** Default: that of the client. */
  readonly namespace?: string
  /** Default: none. */
  readonly workflowRunTimeout?: Duration
  /** Default: none. */
  readonly workflowExecutionTimeout?: Duration
  /** Calls under way at once, per partition, 1 to 1,000. Default: 16. */
  readonly concurrency?: number
  /** Of one call. Default: 10 s; of an update 30 s, its handler included. */
  readonly timeout?: Duration
}

export interface WorkflowSinkOptions<T, A extends Arg[]> extends StartOptions<T, A> {
  /** Default: the item's id, `pipeline/stage/source-partition-position-index`. */
  readonly workflowId?: (value: T, output: Output<T>) => string
  /**
   * A workflow of that id is there, running or closed, and wasn't started for this very item: 'fail' refuses the item,
   * and `onError` decides; 'skip' leaves it at that. Default: 'fail'.
   */
  readonly onExisting?: 'fail' | 'skip'
  /**
   * True: the generation becomes part of the default id, so that `start --fresh` starts workflows again, as it has to after
   * the topic was made anew. Default false: what was started stays started. Not with `workflowId`.
   */
  readonly againWhenFresh?: boolean
}

export interface WorkflowUpdateSinkOptions<T, A extends Arg[], U extends Arg[]> extends StartOptions<T, A> {
  /** Which workflow: started if it isn't running. */
  readonly workflowId: (value: T, output: Output<T>) => string
  readonly update: string | UpdateDefinition<unknown, U>
  readonly updateArgs: (value: T, output: Output<T>) => [...U]
  /**
   * True states that the workflow has one effect per update id: it never continues as new, or carries the ids it has seen.
   * (Temporal knows an update's id within one run only.) Status then says once-per-id. Default false: at-least-once.
   */
  readonly dedupes?: boolean
}

/**
 * Starts one workflow per value, once per id: a value that is written again after a failure meets the workflow it has
 * started, and its memo says so. That holds while the namespace keeps the closed workflow (its retention); a task that stood
 * still for longer starts those of its unfinished epoch again. Arguments that can't be sent, and ids the server refuses, are
 * refused items: see `onError`.
 */
export function workflowSink<T, A extends Arg[]>(options: WorkflowSinkOptions<T, A>): Sink<T> {
  return defineSink(workflowSinkDefinition(options))
}

/**
 * Sends one update per value to a workflow, which it starts if it isn't running, and waits for the update's end. The update id
 * is the item's. What its validator throws, or its handler fails with, refuses the item: see `onError`. Needs a worker of
 * that workflow.
 */
export function workflowUpdateSink<T, A extends Arg[], U extends Arg[]>(
  options: WorkflowUpdateSinkOptions<T, A, U>,
): Sink<T> {
  return defineSink(workflowUpdateSinkDefinition(options))
}

export function workflowSinkDefinition<T, A extends Arg[]>(
  options: WorkflowSinkOptions<T, A>,
): IdempotentSink<T, StartRequest> {
  const { workflowId, onExisting = 'fail', againWhenFresh = false } = options
  return sinkOf(options, {
    dedupes: true,
    faults: faultsOfStart(options),
    update: null,
    onExisting,
    timeoutMs: 10_000,
    againWhenFresh,
    workflowId: (value, output) => (workflowId === undefined ? null : named(workflowId(value, output))),
    updateArgs: () => null,
  })
}

export function workflowUpdateSinkDefinition<T, A extends Arg[], U extends Arg[]>(
  options: WorkflowUpdateSinkOptions<T, A, U>,
): IdempotentSink<T, StartRequest> {
  const { update, workflowId, updateArgs, dedupes = false } = options
  return sinkOf(options, {
    dedupes,
    faults: faultsOfUpdate(options),
    update: typeof update === 'string' ? update : update?.name,
    onExisting: 'skip',
    timeoutMs: 30_000,
    againWhenFresh: false,
    workflowId: (value, output) => named(workflowId(value, output)),
    updateArgs: (value, output) => listed('updateArgs', updateArgs(value, output)),
  })
}

/** None would be made of the item's id, or be one that all values share: it is a mistake, and the record bad. */
function named(workflowId: string): string {
  if (typeof workflowId === 'string' && workflowId !== '') return workflowId
  throw new TypeError(
    `workflowId returned ${workflowId === '' ? 'an empty text' : `a value of type ${typeof workflowId}`}`,
  )
}

function listed<A extends readonly unknown[]>(option: string, args: A): A {
  if (Array.isArray(args)) return args
  throw new TypeError(`${option} returned a value of type ${typeof args}: it must be a list of arguments`)
}

interface Kind<T> extends Pick<IdempotentSink<T, StartRequest>, 'dedupes' | 'faults'> {
  readonly update: string | null
  readonly onExisting: 'fail' | 'skip'
  readonly timeoutMs: number
  readonly againWhenFresh: boolean
  readonly workflowId: (value: T, output: Output<T>) => string | null
  readonly updateArgs: (value: T, output: Output<T>) => readonly unknown[] | null
}

function sinkOf<T, A extends Arg[]>(options: StartOptions<T, A>, kind: Kind<T>): IdempotentSink<T, StartRequest> {
  const { workflow, taskQueue, args, memo, connection, namespace, concurrency = 16 } = options
  const workflowType = typeof workflow === 'function' ? workflow.name : workflow
  const target = `workflow ${workflowType} on ${taskQueue}${kind.update === null ? '' : `, update ${kind.update}`}`
  return {
    kind: 'temporal',
    mode: 'idempotent',
    dedupes: kind.dedupes,
    describe: target,
    ...(kind.faults !== undefined && { faults: kind.faults }),
    encode: (output) => {
      const { value } = output
      return {
        workflowId: kind.workflowId(value, output),
        args: listed('args', args(value, output)),
        memo: memo?.(value, output) ?? {},
        updateArgs: kind.updateArgs(value, output),
      }
    },
    async open({ pipeline, stage, partition, sinks, owner, connection: connect }) {
      // Whoever only imports the definition does without Temporal's client.
      const [{ clientFrom }, { StartWriter }] = await Promise.all([import('./client.js'), import('./start-writer.js')])
      const client = clientFrom(connect('temporal', connection ?? 'default'), connection, namespace)
      return new StartWriter({
        client,
        workflowType,
        taskQueue,
        update: kind.update,
        onExisting: kind.onExisting,
        concurrency,
        timeoutMs: parseDuration(options.timeout) ?? kind.timeoutMs,
        runTimeoutMs: parseDuration(options.workflowRunTimeout),
        executionTimeoutMs: parseDuration(options.workflowExecutionTimeout),
        idSuffix: kind.againWhenFresh ? `/g${owner.generation}` : '',
        at: { pipeline, stage, partition, sink: sinks.join(',') },
        target,
      })
    },
  }
}
