import { expect, test } from 'vitest'
import { z } from 'zod'
import { blueprintOf } from '../../../../src/definition/blueprint-of.js'
import { kafkaSource } from '../../../../src/connectors/kafka/kafka-source.js'
import { definePipeline } from '../../../../src/definition/define-pipeline.js'
import { json, text } from '../../../../src/definition/serdes/index.js'
import { memorySink, testPipeline } from '../../../../src/testing/index.js'

const Flight = z.object({ from: z.string(), to: z.string(), at: z.number() })

/** Pairs of flights of which the second leaves from where the first goes to, at most 10 ms later. */
const connections = definePipeline({
  name: 'connections',
  sources: { flights: kafkaSource({ topic: 'flights', key: text(), value: json(Flight) }) },
  steps: ({ flights }) => {
    const timed = flights.eventTime('at', (f) => f.at, { maxDisorder: 0 })
    const arriving = timed.repartition('by-destination', (f) => f.to, { key: text(), value: json(Flight) })
    const leaving = timed.repartition('by-origin', (f) => f.from, { key: text(), value: json(Flight) })
    return arriving
      .join('via', leaving, { how: 'left', within: { before: 0, after: 10 } }, (first, second, ctx) => {
        return `${first.from} ${ctx.key} ${second?.to ?? '-'} @${ctx.timestamp}`
      })
      .to('out', memorySink())
  },
})

test('two streams behind repartitions meet in one stage, of two sources', () => {
  const { stages } = blueprintOf(connections)
  expect(stages.map(({ id, sources }) => [id, sources.map((source) => source.id)])).toEqual([
    ['main', ['flights']],
    ['by-destination', ['by-destination', 'by-origin']],
  ])
})

test('their watermarks are the least of both, over crashes', async () => {
  await using run = await testPipeline(connections)
  const fly = (from: string, to: string, at: number) => run.send('flights', { key: 'k', value: { from, to, at } })
  await fly('A', 'B', 10)
  await fly('B', 'C', 15)
  await run.crash()
  await fly('B', 'D', 20)
  await run.checkpoint()
  await fly('B', 'E', 21)
  await run.crash()
  expect(run.sink('out').values).toEqual(['A B C @15', 'A B D @20'])
  // What goes to C at 15 has met nothing by 25.
  await fly('X', 'Y', 26)
  await fly('X', 'Y', 27)
  expect(run.sink('out').values.slice(2)).toEqual(['B C - @15'])
})
