import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSource } from '../../../src/definition/define-source.js'
import type { Stage } from '../../../src/definition/graph.js'
import type { Source, SourceRecord } from '../../../src/definition/source.js'
import type { End, Stream } from '../../../src/definition/stream.js'
import { Flow, RecordOutput } from '../../../src/engine/flow.js'
import { StepStates } from '../../../src/state/step-states.js'
import { type CompiledStage, compileStage } from '../../../src/steps/compile-stage.js'
import type { Push } from '../../../src/steps/step.js'

const never = () => Promise.reject(new Error('a definition opens nothing'))

/** Values `T` with a text as their key. Opens nothing. */
export function keyedSource<T>(): Source<T, string> {
  return defineSource<T, T, string>({
    kind: 'values',
    replayable: true,
    partitions: never,
    bounds: never,
    open: never,
    decode: (record) => record.value,
    key: (record) => {
      if (record.key === null) throw new TypeError('no key')
      return Buffer.from(record.key).toString()
    },
  })
}

export type Steps<T> = (values: Stream<T, string>) => End<string, unknown> | readonly End<string, unknown>[]

export function keyedStage<T>(steps: Steps<T>): Stage {
  const pipeline = definePipeline({ name: 'p', sources: { in: keyedSource<T>() }, steps: (s) => steps(s.in) })
  const [stage] = blueprintOf(pipeline).stages
  if (stage === undefined) throw new Error('no stage')
  return stage
}

/** What came out at which sink: `[sink, value, key, time]`. */
export type Out = readonly [sink: string, value: unknown, key: string | null, time: number]

export interface Sent {
  readonly key?: string | null
  readonly timestamp?: number
}

/** A stage as a session runs it, record by record and epoch by epoch, without sinks. */
export class StageRun<T> {
  readonly out: Out[] = []
  states = new StepStates()
  stage!: CompiledStage
  private graph: Stage
  /** As checkpoints have them. */
  readonly segments: Uint8Array[] = []
  private readonly at = new Int32Array(1)
  private flow!: Flow
  private push!: Push
  private position = 0
  private now = 0

  constructor(steps: Steps<T>) {
    this.graph = keyedStage(steps)
    this.compile()
  }

  /** One record through the steps; false: it was bad, and its outputs are taken back as the engine does. */
  send(value: T, { key = 'k', timestamp }: Sent = {}): boolean {
    const record: SourceRecord<unknown> = {
      position: String(this.position++),
      next: String(this.position),
      key: key === null ? null : Buffer.from(key),
      value,
      ...(timestamp === undefined ? {} : { timestamp }),
    }
    const outputs = this.out.length
    this.flow.begin(record)
    try {
      this.push(value, this.flow)
      this.stage.time.settle(this.flow)
    } catch (error) {
      this.failure = error
      this.states.journal.rollback()
      this.stage.time.forget()
      this.out.length = outputs
      return false
    }
    this.states.journal.forget()
    return true
  }

  /** Why the last bad record was bad. */
  failure: unknown

  /** An epoch starts at `now`. */
  epoch(now: number): void {
    this.now = now
    this.flow.now = now
    if (!this.stage.time.dueAt(now)) return
    this.flow.begin(nothing)
    this.stage.time.startEpoch(this.flow)
    this.stage.time.settle(this.flow)
    this.states.journal.forget()
  }

  /** The bounded run is at its end. */
  end(): void {
    this.flow.begin(nothing)
    this.stage.time.end(this.flow)
    this.states.journal.forget()
  }

  /** A checkpoint, and a new session that takes over from it, maybe with other steps; `compact`: from one segment with everything. */
  cut(compact = false, steps?: Steps<T>): void {
    this.checkpoint()
    if (compact) this.segments.splice(0, Infinity, this.states.snapshot())
    const { versions } = this.states
    this.states = new StepStates()
    if (steps !== undefined) this.graph = keyedStage(steps)
    this.compile()
    for (const segment of this.segments) this.states.restore(segment)
    const wrong = this.states.restored(versions)
    if (wrong.length > 0) throw new Error(wrong.join('; '))
  }

  checkpoint(): void {
    const delta = this.states.delta()
    if (delta !== null) this.segments.push(delta)
    this.states.settled()
  }

  values(sink = 'out'): readonly unknown[] {
    return this.out.filter(([id]) => id === sink).map(([, value]) => value)
  }

  private compile(): void {
    const { graph, at } = this
    const sinks = Object.fromEntries(
      graph.sinks.map(({ id }): [string, Push] => [
        id,
        (value) => {
          const { key, timestamp } = new RecordOutput(value, this.flow, 0)
          this.out.push([id, value, key === null ? null : Buffer.from(key).toString(), timestamp])
        },
      ]),
    )
    const place = { pipeline: 'p', stage: 'main', source: 'in', partition: 0 }
    const keyOf = (record: SourceRecord<unknown>) => (record.key === null ? null : Buffer.from(record.key).toString())
    this.flow = new Flow(place, keyOf, () => graph.steps[at[0] ?? -1]?.id ?? 'none')
    this.flow.now = this.now
    this.stage = compileStage(graph, {
      sinks,
      at,
      states: this.states,
      decodeKey: (_, bytes) => Buffer.from(bytes).toString(),
    })
    const push = this.stage.pushes['in']
    if (push === undefined) throw new Error('no source')
    this.push = push
  }
}

/** What `ctx` stands on where no record is under way. */
const nothing: SourceRecord<unknown> = { position: '', next: '', key: null, value: undefined }
