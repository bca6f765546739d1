import type { SegmentStore } from '../definition/state-backend.js'
import type { Segment, StateMark } from '../protocol/checkpoint.js'
import { blobOf } from './blob.js'
import { LogSegment } from './log-segment.js'
import { SegmentWriter } from './segment.js'
import type { StepStates } from './step-states.js'

/** Not compressed. */
const MOST_BYTES = 8 * 1024 * 1024
/** Entries between two looks at how many bytes there are. */
const BATCH = 256

/** All that has changed, which in new tables is everything, as segments of a store. `tag`: no other segment has it. */
export async function storeStates(
  states: StepStates,
  store: Pick<SegmentStore, 'put'>,
  tag: string,
  signal: AbortSignal,
): Promise<StateMark> {
  const segments: Segment[] = []
  while (states.changeCount > 0) {
    signal.throwIfAborted()
    const writer = new SegmentWriter()
    writer.table(`~ ${tag} ${segments.length}`, 0)
    const segment = new LogSegment()
    while (states.changeCount > 0 && writer.bytes < MOST_BYTES) states.take(BATCH, writer, segment)
    const { key, bytes } = await blobOf(writer.raw())
    await store.put(key, bytes)
    segments.push({ key, bytes: bytes.length })
  }
  return { segments, versions: states.versions }
}
