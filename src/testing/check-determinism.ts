import { setTimeout as delay } from 'node:timers/promises'
import { blueprintOf } from '../definition/blueprint-of.js'
import type { Unkeyed } from '../definition/marks.js'
import type { Pipeline } from '../definition/pipeline.js'
import { testPipeline, type TestPipeline, type TestRecord } from './test-pipeline.js'

/** What to send to a source: values, or for a keyed source records with their keys. */
export type RecordsOf<S> = S extends { readonly '~source': { readonly value: infer T; readonly key: infer K } }
  ? [K] extends [Unkeyed]
    ? readonly T[]
    : readonly TestRecord<S>[]
  : never

/** So long the clock runs between two executions: steps that read it show. */
const CLOCK_MS = 3

/**
 * Sends `records` and executes them a second time after a crash, `runs` times over (default 3). Rejects with
 * `NonDeterministicStep` where a step or an encoder makes something else of the same records: it reads a clock, draws
 * random numbers of its own, or keeps what it has seen in a variable.
 * What `asyncMap` gives is not asked for again: where its stage keeps answers, steps behind it are checked; elsewhere what it
 * has committed is never made again, and nothing shows.
 */
export async function checkDeterminism<S, O>(
  pipeline: Pipeline<S, O>,
  records: { readonly [N in keyof S]?: RecordsOf<S[N]> },
  options: { readonly runs?: number } = {},
): Promise<void> {
  for (let run = 0; run < (options.runs ?? 3); run++) {
    await using test = (await testPipeline(pipeline, { seed: run })) as unknown as TestPipeline<
      Record<string, never>,
      O
    >
    for (const [source, given] of Object.entries(records) as [string, readonly unknown[]][]) {
      const keyed = isKeyed(pipeline, source)
      for (const record of given) await test.send(source, (keyed ? record : { value: record }) as never)
    }
    await delay(CLOCK_MS)
    await test.crash()
  }
}

function isKeyed(pipeline: Pipeline, source: string): boolean {
  return blueprintOf(pipeline).stages.some((stage) =>
    stage.sources.some((node) => node.id === source && node.source.key !== undefined),
  )
}
