import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SegmentStore } from '../definition/state-backend.js'
import type { Segment } from '../protocol/checkpoint.js'
import { inflated, rawOf } from './blob.js'
import { LogSegment } from './log-segment.js'
import { SegmentLog } from './segment-log.js'
import type { StepStates } from './step-states.js'

/** Segments that are read at once, ahead of the one that is taken in. */
const AHEAD = 4
/** The event loop is not held for longer. */
const SLICE_MS = 10
/** Entries between two looks at the clock. */
const BATCH = 256

/** What is wrong with a segment. */
export class SegmentFault extends Error {
  override readonly name = 'SegmentFault'
  readonly segment: string

  constructor(segment: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.segment = segment
  }
}

/**
 * All segments into the tables, in their order, with the event loop given back now and then. `read`: of the store, null
 * where there is none. Throws `SegmentFault`, and whatever `read` throws.
 */
export async function restoreLog(
  states: StepStates,
  segments: readonly Segment[],
  read: SegmentStore['get'],
  signal: AbortSignal,
): Promise<SegmentLog> {
  const log = new SegmentLog()
  const waiting: Promise<Uint8Array>[] = []
  let next = 0
  for (const [index, mark] of segments.entries()) {
    for (; next < segments.length && waiting.length < AHEAD; next++) {
      const ahead = segments[next]
      if (ahead === undefined) break
      const raw = rawIn(ahead, next, read)
      // Whoever comes to it hears of it.
      raw.catch(() => undefined)
      waiting.push(raw)
    }
    const raw = await waiting.shift()
    if (raw === undefined) break
    const segment = new LogSegment()
    segment.mark = mark
    segment.rawBytes = raw.length
    segment.bytes = 'data' in mark ? Buffer.byteLength(mark.data, 'base64') : mark.bytes
    try {
      await inSlices(states.restoring(raw, segment), signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new SegmentFault(nameOf(mark, index), error)
    }
    log.segments.push(segment)
  }
  log.record()
  return log
}

/** Goes through all steps, and gives the event loop back every now and then. */
export async function inSlices<R>(steps: Generator<void, R>, signal: AbortSignal): Promise<R> {
  let began = performance.now()
  for (let step = 1; ; step++) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (step % BATCH > 0 || performance.now() - began < SLICE_MS) continue
    await nextTurn()
    signal.throwIfAborted()
    began = performance.now()
  }
}

async function rawIn(mark: Segment, index: number, read: SegmentStore['get']): Promise<Uint8Array> {
  try {
    if ('data' in mark) return await inflated(Buffer.from(mark.data, 'base64'))
    const { key } = mark
    const bytes = await bytesOf(key, read)
    // What was only spoilt on its way comes whole the next time.
    return await rawOf({ key, bytes }).catch(async () => rawOf({ key, bytes: await bytesOf(key, read) }))
  } catch (error) {
    if (error instanceof ReadFailed) throw error.cause
    throw new SegmentFault(nameOf(mark, index), error)
  }
}

/** The store has failed: nothing is wrong with the segment. */
class ReadFailed extends Error {}

async function bytesOf(key: string, read: SegmentStore['get']): Promise<Uint8Array> {
  const bytes = await read(key).catch((cause: unknown) => {
    throw new ReadFailed('', { cause })
  })
  if (bytes === null) throw new RangeError('there is none')
  return bytes
}

const nameOf = (segment: Segment, index: number): string =>
  'data' in segment ? `${index + 1} in history` : segment.key
