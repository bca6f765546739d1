import type { Outputs } from '../../test/oracle/compare.js'
import type { Proxy } from '../proxy/proxy.js'
import type { LedgerEnd } from './ledger-log.js'
import type { WorkerSink } from './worker-sink.js'

export const SINK_NAMES = ['file', 'kafka', 'postgres', 's3'] as const
export type SinkName = (typeof SINK_NAMES)[number]

export const isSinkName = (name: string): name is SinkName => SINK_NAMES.some((one) => one === name)

/** A message on its way to or from a server, at which faults may hit. */
export interface Point {
  readonly proxy: Proxy
  readonly name: string
  /** How often it is hit, next to others. */
  readonly weight: number
  /** Whether it is sent where a task is taken over, and hardly else. Default false. */
  readonly opening?: boolean
}

/** A server that faults may kill and stop. */
export interface Breakable {
  kill(): Promise<void>
  restart(): Promise<void>
  pause(): void
  resume(): void
}

/** What something adds for faults to hit to what every run has: servers, ways to them, messages; by name. */
export interface Surface {
  readonly servers: Readonly<Record<string, Breakable>>
  readonly links: Readonly<Record<string, Proxy>>
  readonly points: Readonly<Record<string, Point>>
}

/** One kind of sink. */
export interface SinkUnderTest extends Surface {
  /** Where one pipeline writes to. */
  target(pipeline: string, partitions: number): Promise<Target>
  close(): Promise<void>
}

/** Where one pipeline writes to, and how a user of the output sees it. Nothing here uses code of the library. */
export interface Target {
  readonly settings: WorkerSink
  /** Reads from now on whatever becomes visible, while it does. */
  watch(): Promise<OutputWatch>
  /** Everything that is there, read afresh. Call it when nothing writes any more. */
  read(): Promise<Outputs>
  /** What is wrong apart from the outputs, in words: a ledger out of order. `ends`: by partition. Call it after `read`. */
  faults(ends: ReadonlyMap<number, LedgerEnd>): Promise<readonly string[]>
}

/** A reader beside the pipeline: what it has seen once, it has seen. */
export interface OutputWatch {
  /** By partition of the source, in the order in which they became visible. */
  readonly seen: Outputs
  /** Reads what is there by now, then no more. */
  finish(): Promise<void>
  /** Reads no more, whatever is there. */
  close(): void
}
