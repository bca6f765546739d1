/**
 * A pipeline starts from any Temporal client or tool, with nothing but `{"pipeline":"NAME"}`; wrong input fails that run at
 * once with a message that says what is wrong.
 */
import { WorkflowFailedError } from '@temporalio/client'
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const COUNT = 30
const name = uniqueName('plain')
const fresh = uniqueName('plain-fresh')
let topics: Topics
let outputs: readonly [Output, Output]
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  outputs = [await Output.make(), await Output.make()]
  await topics.make(name, 1)
  await topics.send(name, 0, numbers(COUNT))
  const pipelines = [name, fresh].map((pipeline, i) =>
    definePipeline({
      name: pipeline,
      sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
      steps: ({ numbers: read }) =>
        read.to('files', fileSink({ directory: outputs[i]?.directory ?? '', origin: true })),
      checkpoint: { interval: '1s' },
    }),
  )
  rig = await Rig.start({ pipelines })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const output of outputs) await output.remove()
})

/** As `temporal workflow start --type tidemarkPipeline --task-queue … --workflow-id … --input …` does. */
function startPlainly(workflowId: string, ...args: readonly unknown[]): Promise<unknown> {
  const { taskQueue } = rig
  return rig.client.workflow.execute('tidemarkPipeline', { workflowId, taskQueue, args: [...args] })
}

/** The message with which the run failed, and its type: what tools show. */
async function failureOf(workflowId: string, ...args: readonly unknown[]): Promise<{ type: unknown; message: string }> {
  const error: unknown = await startPlainly(workflowId, ...args).then(
    () => expect.fail('it did not fail'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof WorkflowFailedError) || error.cause === undefined) throw error
  return { type: (error.cause as { type?: unknown }).type, message: error.cause.message }
}

describe('with the plain Temporal client', () => {
  it('starts a pipeline by its name alone', { timeout: 180_000 }, async () => {
    const { taskQueue } = rig
    const workflowId = `tidemark/${name}`
    await rig.client.workflow.start('tidemarkPipeline', { workflowId, taskQueue, args: [{ pipeline: name }] })
    await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === COUNT)
    await rig.client.workflow.getHandle(workflowId).cancel()
    await rig.until(name, ({ state }) => state === 'cancelled')
    await outputs[0].expectNumbers([COUNT])
  })

  it('takes every option as JSON', { timeout: 180_000 }, async () => {
    const from = { offsets: { '0': '10' } }
    const input = { pipeline: fresh, until: 'latest', fresh: true, from, checkpointMs: 500, maxHistoryEvents: 100 }
    expect(await startPlainly(`tidemark/${fresh}`, input)).toMatchObject({ state: 'completed' })
    expect(await outputs[1].positions(0)).toEqual(Array.from({ length: COUNT - 10 }, (_, i) => 10 + i))
  })
})

describe('a run fails at once and says why', () => {
  const example = 'An example: {"pipeline":"NAME"}'
  const wrong: readonly (readonly [what: string, input: readonly unknown[], says: readonly string[]])[] = [
    ['an unknown key', [{ pipeline: name, form: 'latest' }], ['Unrecognized key: "form"', example]],
    [
      'a value of the wrong type',
      [{ pipeline: name, fresh: 'yes' }],
      ['fresh: Invalid input: expected boolean', example],
    ],
    ['several faults', [{ pipeline: '', until: 'now' }], ['pipeline: ', 'until: ', example]],
    [
      'a wrong position',
      [{ pipeline: name, from: { offsets: { '0': 5 } } }],
      ["from: must be 'earliest', 'latest', {", example],
    ],
    ['no position', [{ pipeline: name, from: { offsets: {} } }], ['from.offsets: must name at least one', example]],
    ['a text', ['{"pipeline":"x"}'], ['input: Invalid input: expected object, received string', example]],
    ['a list', [[name]], ['input: Invalid input: expected object, received array', example]],
    ['null', [null], ['input: Invalid input: expected object, received null', example]],
    ['nothing at all', [], ['input: Invalid input: expected object', example]],
    ['what looks like state of its own', [{ version: 1, pipeline: name }], ['Unrecognized key: "version"', example]],
  ]
  it.concurrent.each(wrong)('for %s', { timeout: 180_000 }, async (_, input, says) => {
    const { type, message } = await failureOf(`tidemark/${uniqueName('wrong')}`, ...input)
    expect(type).toBe('InvalidCommand')
    expect(message).toContain('start')
    expect(message).toContain('wrong input: ')
    for (const part of says) expect(message).toContain(part)
  })

  it.concurrent('for a workflow id that is not the pipeline’s', { timeout: 180_000 }, async () => {
    const { type, message } = await failureOf(uniqueName('mine'), { pipeline: name })
    expect(type).toBe('InvalidCommand')
    expect(message).toContain(`its workflow id has to be 'tidemark/${name}', not 'mine-`)
  })

  it.concurrent('for a pipeline that no worker knows', { timeout: 180_000 }, async () => {
    const unknown = uniqueName('unknown')
    const { type, message } = await failureOf(`tidemark/${unknown}`, { pipeline: unknown })
    expect(type).toBe('PipelineNotFound')
    expect(message).toBe(
      `there is no pipeline '${unknown}' on this worker, but ${name}, ${fresh}: all workers of a task queue need the same ones`,
    )
  })
})
