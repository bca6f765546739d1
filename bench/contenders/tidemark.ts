/** An ordinary worker with two pipelines: bounded runs, each a generation of its own. */
import { join } from 'node:path'
import { bytes, definePipeline, json, type Pipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { isTenth, isTenthOfRaw, Numbered } from '../records.js'
import type { Arena, Mode, Round } from './round.js'
import { serve } from './serve.js'
import { startWorker } from './tidemark-worker.js'

function pipelinesOf({ topic, directory }: Arena): Record<Mode, Pipeline> {
  return {
    raw: definePipeline({
      name: 'bench-raw',
      sources: { numbers: kafkaSource({ topic, value: bytes() }) },
      steps: ({ numbers }) =>
        numbers
          .filter('tenth', isTenthOfRaw)
          .to('files', fileSink({ directory: join(directory, 'raw'), format: bytes() })),
    }),
    json: definePipeline({
      name: 'bench-json',
      sources: { numbers: kafkaSource({ topic, value: json(Numbered) }) },
      steps: ({ numbers }) =>
        numbers.filter('tenth', isTenth).to('files', fileSink({ directory: join(directory, 'json') })),
    }),
  }
}

await serve<Round>(async (arena) => {
  const pipelines = pipelinesOf(arena)
  const worker = await startWorker(arena, Object.values(pipelines))
  return {
    run: ({ mode, checkpointMs }) => worker.runToEnd(pipelines[mode], checkpointMs),
    close: () => worker.close(),
  }
})
