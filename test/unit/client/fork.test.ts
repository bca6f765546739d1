import type { Client } from '@temporalio/client'
import { expect, test } from 'vitest'
import { PipelineClient } from '../../../src/client/pipeline-client.js'
import { recordedClient } from '../control/recorded-client.js'

const tasks = [{ stage: 'main', partition: 0 }]

/** A server that has the pipeline `recorded`, and one run of `copy` whose memo is this. */
function clientOf(memo: unknown): { readonly client: Client; readonly started: unknown[] } {
  const started: unknown[] = []
  const { workflow, ...rest } = recordedClient({ memo: { tasks } })
  const failed = { describe: async () => ({ runId: 'copy-1', status: { name: 'FAILED' }, memo }) }
  const of = Object.assign(Object.create(workflow) as typeof workflow, {
    getHandle: (id: string, runId?: string) => (id === 'tidemark/copy' ? failed : workflow.getHandle(id, runId)),
    start: async (_: string, { args }: { args: unknown[] }) => (started.push(...args), { firstExecutionRunId: 'run' }),
  })
  return { client: { ...rest, workflow: of } as unknown as Client, started }
}

test('a fork that could not begin may be tried again; what has had tasks is no place for one', async () => {
  const empty = clientOf(undefined)
  await new PipelineClient(empty.client).fork('recorded', 'copy', { from: { epoch: 3 } })
  expect(empty.started).toMatchObject([{ pipeline: 'copy', rewind: { of: 'recorded', to: { epoch: 3 } } }])
  const taken = clientOf({ tidemark: { tasks } })
  const refused = new PipelineClient(taken.client).fork('recorded', 'copy', { from: { epoch: 3 } })
  await expect(refused).rejects.toMatchObject({ code: 'InvalidCommand' })
  expect(taken.started).toEqual([])
})
