import type { Stage, StreamRef } from '../definition/graph.js'
import type { StepStates } from '../state/step-states.js'
import type { EpochMs } from '../units.js'
import { ChannelClock, clockMoves, type KnownSender, sendersMove } from './channel-clock.js'
import { Idleness, plainQuiet } from './idleness.js'
import { EventClock, HeldClock, LeastClock, leastOfAll, plainTimes, StageTime } from './stage-time.js'
import { type Clock, flowOf, type LaneMaker, type Push, type Step, type StepRuntime } from './step.js'

export interface StageRuntime {
  /** What takes the values that arrive at each sink, by the sink's id. One for every sink of the stage. */
  readonly sinks: Readonly<Record<string, Push>>
  /** `at[0]` is the index in `stage.steps` of the step whose user code was called last; see `StepRuntime`. */
  readonly at: Int32Array
  readonly states: StepStates
  /** The typed key of which these are the bytes, in streams that have no key but their source's. */
  readonly decodeKey: (source: string, bytes: Uint8Array) => unknown
  /** For stages with steps that are waited for. */
  readonly lane?: LaneMaker
  /** With these: what has to see one record after the other, as `push` does from then on. */
  readonly inOrder?: (push: Push) => Push
  /** Throws `KeyNotInPartition` for a key that belongs to another partition. Absent: nobody can tell. */
  readonly mustBeHere?: (key: Uint8Array) => void
}

export interface CompiledStage {
  /** By the source's id. */
  readonly pushes: Readonly<Record<string, Push>>
  readonly time: StageTime
}

/**
 * Turns a stage's graph into functions: one `Push` per source, by the source's id. A value goes through everything
 * behind a stream before the next value does; where several nodes read one stream, steps come before sinks, each in
 * the order in which they were defined. Throws what user code throws, from wherever it threw.
 */
export function compileStage(stage: Stage, runtime: StageRuntime): CompiledStage {
  const { sinks, inOrder = asTheyCome } = runtime
  const time = new StageTime()
  const runtimes = runtimesOf(stage, runtime, time)
  const readers = new Map<string, Push[]>()
  const read = (ref: StreamRef, push: Push): void => {
    const key = keyOf(ref)
    const known = readers.get(key)
    // Nodes are wired from the last to the first, so the earlier definition goes in front.
    if (known === undefined) readers.set(key, [push])
    else known.unshift(push)
  }
  const outOf = (node: string, port: string): Push => fanOut(readers.get(keyOf({ node, port })) ?? [])

  for (const { id, input } of stage.sinks.toReversed()) {
    const push = Object.hasOwn(sinks, id) ? sinks[id] : undefined
    if (push === undefined) throw new TypeError(`stage '${stage.id}' has a sink '${id}' that nothing was given for`)
    read(input, push)
  }
  for (let index = stage.steps.length - 1; index >= 0; index--) {
    const node = stage.steps[index]
    if (node === undefined) continue
    const { id, step, inputs } = node
    const out = Object.fromEntries(step.ports.map((port) => [port, outOf(id, port)]))
    const compiled = step.compile(out, runtimes(index))
    const pushes = needsOrder(step) ? compiled.map(inOrder) : compiled
    for (let i = inputs.length - 1; i >= 0; i--) {
      const input = inputs[i]
      const push = pushes[i]
      if (input !== undefined && push !== undefined) read(input, push)
    }
  }
  const pushes = stage.sources.map(({ id }): [string, Push] => {
    const out = outOf(id, 'out')
    const channel = time.channels.get(id)
    if (channel === undefined) return [id, out]
    const hear = inOrder((_, ctx) => time.hear(channel, flowOf(ctx)))
    const heard: Push = (value, ctx) => {
      hear(undefined, ctx)
      out(value, ctx)
    }
    return [id, heard]
  })
  return { pushes: Object.fromEntries(pushes), time }
}

/** What each step gets of its task, by its index. Clocks and keys come down the graph, so they are made from its head. */
function runtimesOf(stage: Stage, runtime: StageRuntime, time: StageTime): (index: number) => StepRuntime {
  const { at, states, lane, inOrder = asTheyCome } = runtime
  /** By node: what tells time behind it, and how its keys are read. */
  const clocks = new Map<string, readonly Clock[]>()
  const keys = new Map<string, (bytes: Uint8Array) => unknown>()
  for (const { id, channel } of stage.sources) {
    keys.set(id, (bytes) => runtime.decodeKey(id, bytes))
    if (channel?.timed == null || !stage.steps.some(({ step }) => needsTime(step))) continue
    const tables = {
      known: states.table<KnownSender>(id, 'senders', sendersMove),
      own: states.table<number>(id, 'clock', clockMoves),
    }
    const clock = new ChannelClock(tables, channel.timed.idleAfterMs, () => time.ended)
    time.channels.set(id, clock)
    time.clocks.push(clock)
    clocks.set(id, [clock])
  }
  const made = stage.steps.map(({ id, inputs, step }, index): StepRuntime => {
    const before = [...new Set(inputs.flatMap(({ node }) => clocks.get(node) ?? []))]
    // What has no state asks no clock.
    const floor = before.length > 1 && step.state !== undefined
    const clock = new LeastClock(before, floor ? states.table(id, 'floor', plainTimes, step.state?.version) : null)
    if (floor) time.merged.push(clock)
    let own: EventClock | undefined
    if (step.maxDisorder !== undefined) {
      const isEnd = () => time.ended && (before.length === 0 || clock.watermark === Infinity)
      const quiet = states.table(id, 'quiet', plainQuiet)
      const { idleAfter = null } = step
      const idleness = idleAfter === null ? null : new Idleness(quiet, idleAfter)
      own = new EventClock(
        states.table<EpochMs>(id, 'latest', { moves: { by: 'task', merge: leastOfAll } }),
        step.maxDisorder,
        isEnd,
        idleness,
      )
      time.clocks.push(own)
      if (idleness !== null) time.addIdleness(idleness)
    }
    const held = step.holds === undefined || before.length === 0 ? undefined : new HeldClock(clock, step.holds)
    const behind = own ?? held
    clocks.set(id, behind === undefined ? before : [behind])
    const observed = inOrder((when) => {
      if (own !== undefined) time.observe(own, when as EpochMs)
    })
    const decode = step.decodeKey ?? inputs.map(({ node }) => keys.get(node)).find((one) => one !== undefined)
    if (decode !== undefined) keys.set(id, decode)
    const [input] = inputs
    const decodeInput = input === undefined ? undefined : keys.get(input.node)
    return {
      id,
      at,
      index,
      clock,
      table: (name, options) => states.table(id, name, options, step.state?.version),
      keyFrom: (text) => decodeInput?.(Buffer.from(text, 'latin1')),
      onWatermark: (fire) => time.addWatermark(fire, held),
      onEpochStart: (fire, due, wakes) => time.addEpochStart(fire, due, wakes),
      observe: observed,
      tooLate: () => time.countLate(),
      ...(lane !== undefined && { lane }),
      mustBeHere: runtime.mustBeHere ?? (() => {}),
    }
  })
  return (index) => {
    const one = made[index]
    if (one === undefined) throw new RangeError(`no step ${index}`)
    return one
  }
}

/** Of stages whose steps wait for nothing. */
const asTheyCome = (push: Push): Push => push

/** Whether a step has to see one record after the other. One that gives values their time leaves that to its clock. */
const needsOrder = ({ state, repartition, maxDisorder }: Step): boolean =>
  (state !== undefined && maxDisorder === undefined) || repartition !== undefined

/** Whether anything would come of knowing how far event time is. */
const needsTime = ({ state, repartition }: Step): boolean => state !== undefined || repartition !== undefined

/** A space is in neither id nor port. */
function keyOf({ node, port }: StreamRef): string {
  return `${node} ${port}`
}

function fanOut(readers: readonly Push[]): Push {
  const [first, second] = readers
  if (first === undefined) return () => {}
  if (second === undefined) return first
  if (readers.length === 2) {
    return (value, ctx) => {
      first(value, ctx)
      second(value, ctx)
    }
  }
  return (value, ctx) => {
    for (const reader of readers) reader(value, ctx)
  }
}
