/** An ordinary worker whose pipelines copy a topic, one for each commit interval. */
import { bytes, definePipeline, type Pipeline } from 'tidemark'
import { kafkaSink, kafkaSource } from 'tidemark/kafka'
import { copyTarget, COMMITS_MS } from '../copy-topics.js'
import type { Arena, CopyRound } from './round.js'
import { serve } from './serve.js'
import { startWorker } from './tidemark-worker.js'

function pipelineOf({ topic }: Arena, commitMs: number): Pipeline {
  return definePipeline({
    name: `bench-copy-${commitMs}`,
    sources: { numbers: kafkaSource({ topic, value: bytes() }) },
    steps: ({ numbers }) =>
      numbers.to('copy', kafkaSink({ topic: copyTarget(topic, 'tidemark', commitMs), value: bytes() })),
    commit: { interval: commitMs },
  })
}

await serve<CopyRound>(async (arena) => {
  const pipelines = new Map(COMMITS_MS.map((commitMs) => [commitMs, pipelineOf(arena, commitMs)]))
  const worker = await startWorker(arena, [...pipelines.values()])
  return {
    async run({ commitMs }) {
      const pipeline = pipelines.get(commitMs)
      if (pipeline === undefined) throw new RangeError(`there is no pipeline that commits every ${commitMs} ms`)
      return await worker.runToEnd(pipeline)
    },
    close: () => worker.close(),
  }
})
