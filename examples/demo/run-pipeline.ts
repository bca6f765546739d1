import { setTimeout as sleep } from 'node:timers/promises'
import type { PipelineClient } from 'tidemark/client'
import { delayedFlights } from '../delayed-flights.js'
import { ProgressBar } from './progress.js'

const LOOK_MS = 200

/** Runs the pipeline over what is in the topic, from its beginning. Returns how many records it read. */
export async function runToEnd(client: PipelineClient, records: number): Promise<number> {
  const pipeline = await client.start(delayedFlights, { until: 'latest', fresh: true })
  const bar = new ProgressBar('processed', records)
  bar.show(0)
  const result = pipeline.result()
  const over = result.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([over, sleep(LOOK_MS, false)]))) {
    bar.show((await pipeline.status()).counters.read)
  }
  await result
  const { counters } = await pipeline.status()
  bar.show(counters.read)
  bar.end()
  return counters.read
}
