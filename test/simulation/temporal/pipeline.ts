import type { TaskControl } from '../../../src/protocol/messages.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { NormalInput, TakeOverResult } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { Flight } from './flight.js'
import type { SimTemporal } from './server.js'

export interface PipelineWorld {
  readonly pipeline: string
  readonly stage: string
  readonly settings: TaskState['settings']
  readonly bounded: boolean
  /** A task is about to be started. */
  readonly starts: (task: TaskState) => void
  readonly tell: (what: string) => void
}

/** The pipeline's side of a task: starts it, starts it anew, notices that it has gone, passes commands on. */
export class SimPipeline {
  private readonly temporal: SimTemporal
  private readonly world: PipelineWorld
  /** Which start counts: those before it go on, and are not heard. */
  private latest = 0
  private incarnation = 0
  private phase: 'starting' | 'running' | 'looking' = 'starting'

  constructor(temporal: SimTemporal, world: PipelineWorld) {
    this.temporal = temporal
    this.world = world
  }

  /** Whether its workflow is there to be told something. */
  get runs(): boolean {
    return this.phase !== 'starting'
  }

  get busy(): boolean {
    return this.phase !== 'running'
  }

  /** A start by somebody. `from` given: of a fresh generation. */
  start(from: number | null): void {
    this.phase = 'starting'
    void this.begin(++this.latest, {
      until: this.world.bounded ? 'latest' : null,
      fresh: from !== null,
      from: from === null ? null : { offsets: { 0: String(from) } },
    })
  }

  command(kind: TaskControl['kind']): boolean {
    if (this.busy) return false
    const { incarnation } = this
    return this.temporal.signal({ kind, reason: 'somebody', acceptCodeChange: false, incarnation })
  }

  /** A task that has vanished, or has stopped because it thought its pipeline gone, is started again from its history. */
  look(): boolean {
    const { newest } = this.temporal
    if (this.busy || newest === undefined || newest.status === 'open') return false
    if (newest.status === 'completed' && newest.state.phase !== 'stopped') return false
    this.phase = 'looking'
    void this.rescue(this.latest)
    return true
  }

  private async begin(start: number, input: NormalInput): Promise<void> {
    await this.temporal.process.step('the pipeline starts')
    const task = await this.takeOver(start, input, false, 0)
    if (task === null) return
    // PROTOCOL §1: raised by every start.
    this.incarnation = task.incarnation + 1
    this.begun(task)
  }

  private async rescue(start: number): Promise<void> {
    await this.temporal.process.step('the pipeline looks')
    const input: NormalInput = { until: this.world.bounded ? 'latest' : null, fresh: false, from: null }
    const task = await this.takeOver(start, input, true, this.incarnation)
    if (task !== null) this.begun(task)
  }

  private begun(task: TaskState): void {
    this.phase = 'running'
    // Whoever else has started it meanwhile: the look that comes next decides.
    if (this.temporal.open !== undefined) return
    const state = { ...task, incarnation: this.incarnation }
    const { generation, checkpoint } = state
    this.world.tell(
      `start ${state.incarnation} of generation ${generation}, from ${JSON.stringify(checkpoint.positions)}`,
    )
    this.world.starts(state)
    this.temporal.start(state)
  }

  /** Tried until it succeeds; null: another start has come. */
  private async takeOver(start: number, input: NormalInput, late: boolean, incarnation: number) {
    const { pipeline, stage, settings } = this.world
    const asked = { pipeline, stage, partitions: [0], settings, input, late, incarnation }
    for (;;) {
      const answer = await new Promise<TakeOverResult | null>((resolve) => {
        const command = { seq: 0, type: ACTIVITY.takeOver, queue: '', input: asked }
        const flight = new Flight(command, (outcome) =>
          resolve('value' in outcome ? (outcome.value as TakeOverResult) : null),
        )
        void this.temporal.perform(flight)
      })
      if (start !== this.latest) return null
      const task = answer?.tasks[0]
      if (task !== undefined) return task
      await this.temporal.process.step('the pipeline tries again')
      if (start !== this.latest) return null
    }
  }
}
