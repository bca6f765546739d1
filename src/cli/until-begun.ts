import { setTimeout as sleep } from 'node:timers/promises'
import { isFailing } from '../client/pending.js'
import type { PipelineStatus } from '../client/status.js'

/** Milliseconds. */
export interface Waits {
  /** What has failed by then, and is tried again, isn't waited for any longer. */
  readonly failing: number
  /** What still may come, with a worker up that has told nothing of it. */
  readonly atMost: number
  readonly look: number
}

/** A worker that is up has planned a pipeline in a second or two, and looks for a topic that isn't there for 5 s: slow ones take longer. */
const waits: Waits = { failing: 12_000, atMost: 60_000, look: 200 }

/**
 * How a start has gone: wrong input, or a topic that isn't there, fails a run at once, and whoever started it should see that.
 * Still 'starting': no worker is up, or what the status says it waits for takes longer.
 */
export async function untilBegun(
  status: () => Promise<PipelineStatus>,
  { failing, atMost, look }: Waits = waits,
): Promise<PipelineStatus> {
  const since = Date.now()
  for (;;) {
    const now = await status()
    if (now.state !== 'starting' || now.workers.length === 0) return now
    if (Date.now() - since > (isFailing(now.waiting) ? failing : atMost)) return now
    await sleep(look)
  }
}
