import type { AnySourceDefinition } from '../definition/define-source.js'
import { compareDecimal, type ComparePositions, type Position, type Positions } from '../definition/position.js'
import type { SourceBatch, SourceReader, SourceRecord } from '../definition/source.js'
import type { Push } from '../steps/step.js'
import type { Bell } from './bell.js'
import type { ByteBudget } from './byte-budget.js'
import type { FlowPlace } from './flow.js'
import { type OpenReader, Prefetch } from './prefetch.js'

/** A source that is open, before anything is read ahead of it. */
export interface OpenSource {
  readonly id: string
  readonly definition: AnySourceDefinition
  readonly position: Position
  readonly reader: SourceReader<unknown>
  readonly openReader: OpenReader
}

/** One source of a session: what is read ahead of it, and how far it has been through the steps. */
export class Input {
  readonly id: string
  /** Its number among the stage's sources. */
  readonly order: number
  readonly definition: AnySourceDefinition
  readonly compare: ComparePositions
  readonly identity: string | undefined
  readonly place: FlowPlace
  readonly push: Push
  readonly prefetch: Prefetch
  /** Next to read: everything before it has been through the steps. */
  position: Position
  /** Index into the records of `prefetch.head`. */
  cursor = 0
  /** The batch whose lost records a checkpoint has told. */
  skipped: SourceBatch<unknown> | null = null
  /** The epoch goes on without it: what comes is for the next one. */
  closed = false

  constructor(
    { id, definition, position, reader, openReader }: OpenSource,
    order: number,
    place: FlowPlace,
    push: Push,
    parts: { readonly bell: Bell; readonly budget: ByteBudget },
  ) {
    this.id = id
    this.order = order
    this.definition = definition
    this.compare = compareOf(definition)
    this.identity = reader.identity
    this.place = place
    this.push = push
    this.position = position
    const { pipeline, source, partition } = place
    this.prefetch = new Prefetch({
      open: openReader,
      reader,
      position,
      bell: parts.bell,
      budget: parts.budget,
      place: { pipeline, source, partition },
    })
  }

  /** The next record in memory; undefined also where a batch has come to its end. */
  get next(): SourceRecord<unknown> | undefined {
    return this.prefetch.head?.records[this.cursor]
  }

  /** Nothing will ever come any more. */
  get ended(): boolean {
    return this.prefetch.done && this.prefetch.head === undefined
  }

  /** It stands at that position, or behind it. */
  has(position: Position | undefined): boolean {
    return position !== undefined && this.compare(this.position, position) >= 0
  }

  /** Records in memory that no step has seen, and those that the source has said it has; null: it hasn't said. */
  get lag(): number | null {
    const { lag, queued, head } = this.prefetch
    return lag === null ? null : lag + queued + (head?.records.length ?? 0) - this.cursor
  }

  /** Done with the batch at hand. */
  shift(batch: SourceBatch<unknown>): void {
    this.position = batch.next
    this.cursor = 0
    this.prefetch.shift()
  }
}

export const compareOf = ({ compare }: AnySourceDefinition): ComparePositions => compare ?? compareDecimal

/** Where a session stands in each of its sources. */
export function positionsOf(inputs: readonly Input[]): Positions {
  const positions: Record<string, Position> = {}
  for (const { id, position } of inputs) positions[id] = position
  return positions
}
