import { expect, test } from 'vitest'
import { z } from 'zod'
import { kafkaSink } from '../../../src/connectors/kafka/sink/kafka-sink.js'
import { kafkaSource } from '../../../src/connectors/kafka/kafka-source.js'
import { count } from '../../../src/definition/aggregators/index.js'
import type { Blueprint } from '../../../src/definition/blueprint.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { Taps } from '../../../src/rerun/taps.js'
import { StepStates } from '../../../src/state/step-states.js'
import { compileStage } from '../../../src/steps/compile-stage.js'

/** Ids of all that keeps state in a stage. */
function keepers(blueprint: Blueprint, at: number): readonly string[] {
  const stage = blueprint.stages[at]
  if (stage === undefined) throw new Error(`no stage ${at}`)
  const states = new StepStates()
  const sinks = Object.fromEntries(stage.sinks.map(({ id }) => [id, () => {}]))
  compileStage(stage, { sinks, at: new Int32Array(1), states, decodeKey: () => '' })
  return Object.keys(states.versions).toSorted()
}

test('a tapped stage keeps the same state: also what came in through another stage, and its time', () => {
  const pipeline = definePipeline({
    name: 'two-stages',
    sources: { values: kafkaSource({ topic: 'values', key: text(), value: json(z.number()) }) },
    steps: ({ values }) =>
      values
        .eventTime('at', (n) => n, { maxDisorder: 0 })
        .repartition('by-value', String, { key: text(), value: json(z.number()) })
        .window('w', tumbling(10), count())
        .to('out', kafkaSink({ topic: 'out' })),
  })
  const blueprint = blueprintOf(pipeline)
  expect(keepers(blueprint, 1)).toEqual(['by-value', 'w'])
  for (const [at, stage] of blueprint.stages.entries()) {
    expect(keepers(new Taps(false).on(blueprint, stage), at)).toEqual(keepers(blueprint, at))
  }
})
