import type { SegmentStore } from '../definition/state-backend.js'
import type { EpochMs } from '../units.js'

const AT_ONCE = 100

/**
 * Deletes segments that nobody needs: those that were neither put nor touched since `before`, and that `keeps` doesn't know.
 * `before` lies by `retainMs` before an epoch's time, which only its owner gets from its workflow: what a successor has
 * written is younger, so that an owner who was thought dead can't delete it, however old its list of segments is.
 */
export async function sweep(
  store: SegmentStore,
  before: EpochMs,
  keeps: (key: string) => boolean,
  signal: AbortSignal,
): Promise<number> {
  let swept = 0
  let keys: string[] = []
  const flush = async (): Promise<void> => {
    signal.throwIfAborted()
    await store.delete(keys)
    swept += keys.length
    keys = []
  }
  for await (const { key, at } of store.list()) {
    if (at >= before || keeps(key)) continue
    keys.push(key)
    if (keys.length >= AT_ONCE) await flush()
  }
  if (keys.length > 0) await flush()
  return swept
}
