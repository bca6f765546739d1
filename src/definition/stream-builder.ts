import { asyncMapStep } from '../steps/async-map.js'
import { branchStep } from '../steps/branch.js'
import { filterStep } from '../steps/filter.js'
import { flatMapStep } from '../steps/flat-map.js'
import { mapStep } from '../steps/map.js'
import { aggregateStep } from '../steps/aggregate.js'
import { dedupeStep } from '../steps/dedupe.js'
import { eventTimeStep } from '../steps/event-time.js'
import { joinTableStep } from '../steps/join/join-table.js'
import { type Combine, joinStep } from '../steps/join/join.js'
import { keyByStep } from '../steps/key-by.js'
import { mergeStep } from '../steps/merge.js'
import { repartitionStep } from '../steps/repartition.js'
import { statefulStep } from '../steps/stateful.js'
import { windowStep } from '../steps/window/window.js'
import type { Step } from '../steps/step.js'
import { laneSettingsOf } from './async-options.js'
import { type AnyAggregator } from './aggregator.js'
import { count, reduce } from './aggregators/index.js'
import { checkAggregator } from './check-aggregator.js'
import { checkSink } from './check-connectors.js'
import { checkJoin, checkJoinTable } from './check-join.js'
import { checkState } from './check-state.js'
import { checkDedupe, checkEventTime, checkKeyBy, checkRepartition, checkStateful } from './check-step.js'
import { checkWindow } from './check-window.js'
import type { Fault } from './fault.js'
import { idFault } from './ids.js'
import type { Port } from './recorder.js'
import { otherwise, type Stream } from './stream.js'
import type { Table } from './table.js'
import type { AsyncContext, StepContext } from './context.js'

/** A step function with its types forgotten: the compiler has checked them where they were known. */
type AnyFn<R = unknown> = (value: unknown, ctx: StepContext<unknown>) => R

/**
 * What `steps` gets for a stream: each method records a node and gives the stream behind it. Its types are those of
 * `Stream`, forgotten; callers without types are told of their mistakes as faults of the definition.
 */
export class StreamBuilder {
  readonly #port: Port

  constructor(port: Port) {
    this.#port = port
  }

  map(id: string, fn: AnyFn): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#step(id, mapStep(fn))
  }

  filter(id: string, fn: AnyFn): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#step(id, filterStep(fn))
  }

  flatMap(id: string, fn: AnyFn<Iterable<unknown>>): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#step(id, flatMapStep(fn))
  }

  asyncMap(
    id: string,
    fn: (value: unknown, ctx: AsyncContext<unknown>) => unknown,
    options: unknown = {},
  ): StreamBuilder {
    this.#mustBeFunction(id, fn)
    const [settings, faults] = laneSettingsOf(options, `steps.${id}`)
    this.#port.recorder.faults.push(...faults)
    return this.#step(id, asyncMapStep(fn, settings))
  }

  branch(id: string, branches: Readonly<Record<string, AnyFn>>): Readonly<Record<string, StreamBuilder>> {
    // A copy: the caller's object may change afterwards.
    const predicates = { ...branches }
    this.#checkBranches(id, predicates)
    const ports = this.#port.recorder.step(id, [this.#port], branchStep(predicates))
    return Object.fromEntries(ports.map((port) => [port.port, new StreamBuilder(port)]))
  }

  merge(id: string, ...others: readonly unknown[]): StreamBuilder {
    const { recorder } = this.#port
    const inputs = [this.#port]
    for (const other of others) {
      if (isBuilder(other)) inputs.push(other.#port)
      else recorder.fault(`steps.${id}`, 'merges something that is no stream')
    }
    if (others.length === 0) recorder.fault(`steps.${id}`, 'merges nothing: give it at least one other stream')
    return this.#step(id, mergeStep(inputs.length), inputs)
  }

  eventTime(id: string, fn: AnyFn, options: unknown): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#step(id, eventTimeStep(fn, this.#checked(checkEventTime(options, `steps.${id}`))))
  }

  dedupe(id: string, options: unknown): StreamBuilder {
    const { by, withinMs } = this.#checked(checkDedupe(options, `steps.${id}`))
    return this.#step(id, dedupeStep(by, withinMs))
  }

  keyBy(id: string, fn: AnyFn, options: unknown): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#step(id, keyByStep(fn, this.#checked(checkKeyBy(options, `steps.${id}`))))
  }

  repartition(id: string, fn: AnyFn, options: unknown): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#step(id, repartitionStep(fn, this.#checked(checkRepartition(options, `steps.${id}`))))
  }

  count(id: string, options?: unknown): StreamBuilder {
    return this.#aggregate('count', id, count() as AnyAggregator, options)
  }

  reduce(id: string, fn: (a: unknown, b: unknown) => unknown, options?: unknown): StreamBuilder {
    this.#mustBeFunction(id, fn)
    return this.#aggregate('reduce', id, reduce(fn) as AnyAggregator, options)
  }

  aggregate(id: string, aggregator: AnyAggregator, options?: unknown): StreamBuilder {
    return this.#aggregate('aggregate', id, this.#checked(checkAggregator(aggregator, `steps.${id}`, false)), options)
  }

  stateful(id: string, step: unknown): StreamBuilder {
    this.#mustBeKeyed(id)
    const [functions, settings] = this.#checked(checkStateful(step, `steps.${id}`))
    return this.#step(id, statefulStep(functions, settings, this.#port.timed))
  }

  window(id: string, over: unknown, aggregator: AnyAggregator, options?: unknown): StreamBuilder {
    this.#mustBeKeyed(id)
    if (!this.#port.timed) this.#fault(id, 'needs event time: call .eventTime(id, timestamp, options) first')
    const settings = this.#checked(checkWindow(over, options, `steps.${id}`))
    const checked = checkAggregator(aggregator, `steps.${id}`, settings.over.kind === 'session')
    const step = windowStep(this.#checked(checked), settings)
    const [out, late] = this.#port.recorder.step(id, [this.#port], step)
    if (out === undefined || late === undefined) throw new TypeError('a window step has two outputs')
    return Object.assign(new StreamBuilder(out), { late: new StreamBuilder(late) })
  }

  join(
    id: string,
    other: unknown,
    options: unknown,
    combine: Combine,
  ): StreamBuilder & { readonly late: Readonly<Record<'left' | 'right', StreamBuilder>> } {
    this.#mustBeKeyed(id)
    if (!this.#port.timed) this.#fault(id, 'needs event time: call .eventTime(id, timestamp, options) first')
    const settings = this.#checked(checkJoin(options, `steps.${id}`))
    if (typeof combine !== 'function') this.#fault(id, 'needs a function as its fourth argument')
    const inputs = [this.#port]
    if (!isBuilder(other)) this.#fault(id, 'joins something that is no stream')
    else {
      inputs.push(other.#port)
      if (!other.#port.keyed || !other.#port.timed) this.#fault(id, 'joins a stream that needs a key and event time')
    }
    const [out, left, right] = this.#port.recorder.step(id, inputs, joinStep(combine, settings))
    if (out === undefined || left === undefined || right === undefined) throw new TypeError('a join has three outputs')
    const late = Object.freeze({ left: new StreamBuilder(left), right: new StreamBuilder(right) })
    return Object.assign(new StreamBuilder(out), { late })
  }

  joinTable(id: string, table: unknown, options: unknown, combine: Combine): StreamBuilder {
    this.#mustBeKeyed(id)
    const settings = this.#checked(checkJoinTable(options, `steps.${id}`))
    if (typeof combine !== 'function') this.#fault(id, 'needs a function as its fourth argument')
    const rows = typeof table === 'object' && table !== null ? tablePorts.get(table) : undefined
    if (rows === undefined) this.#fault(id, 'joins something that is no table: wrap its source in table()')
    return this.#step(id, joinTableStep(combine, settings), rows === undefined ? [this.#port] : [this.#port, rows])
  }

  to(id: string, sink: unknown): object {
    const { recorder } = this.#port
    const [definition, faults] = checkSink(sink, `steps.${id}`)
    const end = Object.freeze({})
    recorder.end(id, this.#port, definition, end)
    recorder.faults.push(...faults)
    return end
  }

  #step(id: string, step: Step, inputs: readonly Port[] = [this.#port]): StreamBuilder {
    const [port] = this.#port.recorder.step(id, inputs, step)
    if (port === undefined) throw new TypeError(`a ${step.kind} step has no output`)
    return new StreamBuilder(port)
  }

  #aggregate(
    kind: 'count' | 'reduce' | 'aggregate',
    id: string,
    aggregator: AnyAggregator,
    options: unknown,
  ): StreamBuilder {
    this.#mustBeKeyed(id)
    const settings = this.#checked(checkState(options, `steps.${id}`, false))
    return this.#step(id, aggregateStep(kind, aggregator, settings))
  }

  #checked<T>([value, faults]: readonly [T, readonly Fault[]]): T {
    this.#port.recorder.faults.push(...faults)
    return value
  }

  #mustBeKeyed(id: string): void {
    if (!this.#port.keyed) this.#fault(id, 'needs a key: give the source a `key` serde, or call .repartition() first')
  }

  #fault(id: string, message: string): void {
    this.#port.recorder.fault(`steps.${id}`, message)
  }

  #mustBeFunction(id: string, fn: unknown): void {
    if (typeof fn !== 'function')
      this.#port.recorder.fault(`steps.${id}`, 'needs a function as its second argument', fn)
  }

  #checkBranches(id: string, branches: Readonly<Record<string, unknown>>): void {
    const { recorder } = this.#port
    const names = Object.keys(branches)
    if (names.length === 0) recorder.fault(`steps.${id}`, 'needs at least one branch')
    const last = names.findIndex((name) => branches[name] === otherwise)
    for (const [index, name] of names.entries()) {
      const path = `steps.${id}.${name}`
      const wrong = idFault(name, 'property')
      if (wrong !== undefined) recorder.fault(path, `the name of a branch ${wrong}`, name)
      if (typeof branches[name] !== 'function') recorder.fault(path, 'must be a function, or otherwise', branches[name])
      if (last !== -1 && index > last) recorder.fault(path, `gets nothing: '${names[last]}', before it, takes all`)
    }
  }
}

/** The stream of `port`, as users see it. */
export function streamOf(port: Port): Stream<unknown, unknown, unknown> {
  return new StreamBuilder(port) as unknown as Stream<unknown, unknown, unknown>
}

/** What tables are read from: they have no methods of their own. */
const tablePorts = new WeakMap<WeakKey, Port>()

/** The table of `port`, as users see it. */
export function tableOf(port: Port): Table<unknown, unknown> {
  const table = Object.freeze({})
  tablePorts.set(table, port)
  return table as Table<unknown, unknown>
}

function isBuilder(value: unknown): value is StreamBuilder {
  return value instanceof StreamBuilder
}
