import picocolors from 'picocolors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { shadowView } from '../../../src/cli/views/shadow-view.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import { type Code, type Shadow, shadowTask } from '../../../src/rerun/shadow.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { hostOf } from '../engine/task.js'
import { RecordedTask } from './recorded-task.js'

let log: LogSource
let out: BreakableSink
let recorded: RecordedTask

/** Running sums per last digit, those that `keep` says, as `text` has them. */
const sums = (
  text: (sum: number) => string = (sum) => `sum ${sum}`,
  keep: (sum: number) => boolean = () => true,
  id = 'sum',
): Pipeline =>
  definePipeline({
    name: 'sums',
    sources: { numbers: log.source() },
    steps: ({ numbers }) =>
      numbers
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .reduce(id, (a, b) => a + b)
        .filter('keep', keep)
        .map('text', text)
        .to('out', out.sink()),
  })

function codeOf(pipeline: Pipeline): Code {
  const blueprint = blueprintOf(pipeline)
  const [stage] = blueprint.stages
  if (stage === undefined) throw new Error('no stage')
  return { host: hostOf(), blueprint, stage }
}

const shadow = (pipeline: Pipeline, from = 1, to: number | null = null, more = {}): Promise<Shadow> =>
  shadowTask({
    client: recorded.client,
    code: codeOf(pipeline),
    against: codeOf(sums()),
    task: { stage: 'main', partition: 0 },
    range: { generation: null, from, to },
    ...more,
  })

beforeEach(async () => {
  log = new LogSource()
  out = new BreakableSink('out')
  recorded = new RecordedTask(sums())
  await recorded.begin()
  for (const value of [1, 11, 2, 21]) {
    log.append(value)
    await recorded.readAll(log)
    recorded.continueAsNew()
  }
  await recorded.task.lose()
})
afterEach(() => recorded.task.lose())

test('the same code gives the same, from any epoch, and nothing is written', async () => {
  const { did, receipts } = { did: [...out.did], receipts: [...out.receipts] }
  const { epoch } = recorded.task.state.checkpoint
  expect(await shadow(sums())).toMatchObject({ epochs: epoch, same: 4, changed: 0, added: 0, removed: 0, examples: [] })
  expect(await shadow(sums(), epoch)).toMatchObject({ epochs: 1, from: epoch, to: epoch, changed: 0 })
  expect({ did: out.did, receipts: out.receipts }).toEqual({ did, receipts })
})

test('what differs is told output by output, with the state of the checkpoint', async () => {
  const { epoch } = recorded.task.state.checkpoint
  const found = await shadow(sums((sum) => (sum > 20 ? `${sum}!` : `sum ${sum}`)))
  expect(found).toMatchObject({ same: 3, changed: 1, added: 0, removed: 0, records: 4 })
  const [change] = found.examples
  expect(change).toEqual({ epoch, sink: 'out', id: 'sums/main/numbers-0-3-0', was: 'sum 33', is: '33!' })
  expect(
    (
      await shadow(
        sums((sum) => `${sum}`),
        epoch,
      )
    ).examples,
  ).toMatchObject([{ was: 'sum 33', is: '33' }])
})

test('outputs that are gone, and new ones', async () => {
  expect(await shadow(sums(undefined, (sum) => sum < 10))).toMatchObject({ same: 2, removed: 2, added: 0 })
  const both = (): Promise<Shadow> =>
    shadowTask({
      client: recorded.client,
      code: codeOf(sums()),
      against: codeOf(sums(undefined, (sum) => sum < 10)),
      task: { stage: 'main', partition: 0 },
      range: { generation: null, from: 1, to: null },
    })
  expect(await both()).toMatchObject({ same: 2, removed: 0, added: 2, examples: [{ was: null, is: 'sum 12' }, {}] })
})

test('state that the new code has no step for is refused, or let go', async () => {
  const renamed = sums(undefined, undefined, 'total')
  await expect(shadow(renamed, 3)).rejects.toMatchObject({ code: 'PlanIncompatible' })
  const { examples } = await shadow(renamed, 3, null, { allowNonRestoredState: true })
  expect(examples).toMatchObject([{ was: 'sum 33', is: 'sum 21' }])
})

test('as a person reads it', async () => {
  const view = (found: Shadow): string[] => shadowView(found, picocolors.createColors(false)).split('\n')
  expect(view(await shadow(sums()))[0]).toMatch(
    /^main\/0 {2}the same: 4 outputs of epochs 1 to \d+ of generation 1, 4 records$/,
  )
  const [head, counts, where, was, is] = view(await shadow(sums((sum) => (sum > 20 ? 'many' : `sum ${sum}`))))
  expect(head).toMatch(/^main\/0 {2}1 output of 4 differ: epochs 1 to/)
  expect(counts).toBe('  1 changed · 0 added · 0 removed · 3 the same')
  expect(where).toMatch(/^ {2}epoch \d+, sums\/main\/numbers-0-3-0$/)
  expect([was, is]).toEqual(['    - sum 33', '    + many'])
  const change = { epoch: 1, sink: 'out', id: 'a-0', was: 'day\0flights\0', is: null }
  const odd = { ...(await shadow(sums((sum) => `${sum}`))), examples: [change] }
  expect(view(odd)[3], 'columns of rows are parted by zeros').toBe('    - day flights ')
  expect(view(await shadow(sums(), 99))[0]).toContain('has no epoch there')
})
