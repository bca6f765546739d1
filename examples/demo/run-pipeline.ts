import { setTimeout as sleep } from 'node:timers/promises'
import type { Pipeline } from 'tidemark'
import type { PipelineClient } from 'tidemark/client'
import { connections } from '../connections.js'
import { delayedFlights } from '../delayed-flights.js'
import { delaysByAirport } from '../delays-by-airport.js'
import { ProgressBar } from './progress.js'

const LOOK_MS = 200

/**
 * Runs the pipelines over what is in the topic: from its beginning, but for `begun`, which goes on from where it stopped.
 * Returns how many of its records each has read.
 */
export async function runToEnd(client: PipelineClient, records: number, begun?: Pipeline): Promise<readonly number[]> {
  const pipelines = await Promise.all(
    [delayedFlights, delaysByAirport, connections].map((pipeline) =>
      client.start(pipeline.name, { until: 'latest', fresh: pipeline !== begun }),
    ),
  )
  const read = (): Promise<number[]> =>
    Promise.all(
      pipelines.map(async (pipeline) => {
        const { tasks } = await pipeline.status()
        // What later stages read is their own.
        return sum(tasks.filter(({ stage }) => stage === 'main').map(({ counters }) => counters.read))
      }),
    )
  const bar = new ProgressBar('processed', records * pipelines.length)
  bar.show(0)
  const results = Promise.all(pipelines.map((pipeline) => pipeline.result()))
  const over = results.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([over, sleep(LOOK_MS, false)]))) bar.show(sum(await read()))
  await results
  const counts = await read()
  bar.show(sum(counts))
  bar.end()
  return counts
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0)
