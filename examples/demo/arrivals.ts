import { setTimeout as sleep } from 'node:timers/promises'
import type { PipelineClient } from 'tidemark/client'
import { delaysByAirport } from '../delays-by-airport.js'
import { publish, type Publishing } from './publish.js'

const PORTION = 500
const LOOK_MS = 50
/** Small enough for several continue-as-new, and more than 3 of each task. */
const OFTEN = { checkpointInterval: '100ms', maxHistoryEvents: 40 } as const

/**
 * Publishes the flights while `delays-by-airport` runs, each portion when it has a checkpoint behind the one before: so its
 * history has many, over several continue-as-new. It stops with the last flight, its windows still open.
 */
export async function publishBesideIt(
  client: PipelineClient,
  { onProgress, ...publishing }: Publishing,
): Promise<void> {
  const pipeline = client.get(delaysByAirport.name)
  let runs = false
  await publish({
    ...publishing,
    portion: PORTION,
    async onProgress(published) {
      // The topic is there only now.
      if (!runs) await client.start(delaysByAirport.name, { fresh: true, ...OFTEN })
      runs = true
      for (;;) {
        const { tasks, problem } = await pipeline.status()
        const failed = problem ?? tasks.find((task) => task.problem !== null)?.problem
        if (failed) throw new Error(`${pipeline.name} has stopped: ${failed.message}`)
        const read = tasks.reduce((sum, { positions }) => sum + Number(positions['flights'] ?? 0), 0)
        if (read >= published) break
        await sleep(LOOK_MS)
      }
      await onProgress(published)
    },
  })
  await pipeline.drain()
}
