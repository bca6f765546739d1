/** A program of somebody else's that uses every entry of the package: compiled under each way of resolving modules. */
import { definePipeline, isTidemarkError, json, type Pipeline, type StepContext } from 'tidemark'
import { PipelineClient, type PipelineHandle, type PipelineStatus } from 'tidemark/client'
import { fileSink, fileState } from 'tidemark/file'
import { httpSink } from 'tidemark/http'
import { kafkaSource } from 'tidemark/kafka'
import { lmdbStore } from 'tidemark/lmdb'
import { type PostgresConnection, postgresLedgerDdl, postgresSink, postgresStatementSink } from 'tidemark/postgres'
import { TidemarkPlugin, type TidemarkPluginOptions } from 'tidemark/plugin'
import { readCommitted, s3Sink, type CommittedObject } from 'tidemark/s3'
import { workflowSink } from 'tidemark/temporal'
import { memorySink, memorySource } from 'tidemark/testing'
import { tidemarkPipeline, tidemarkTask } from 'tidemark/workflows'
import type { Client } from '@temporalio/client'
import { z } from 'zod'

const Reading = z.object({ sensor: z.string(), celsius: z.number() })

export const hot = definePipeline({
  name: 'hot',
  sources: { readings: kafkaSource({ topic: 'readings', value: json(Reading) }) },
  steps: ({ readings }) =>
    readings
      .filter('hot', (reading) => reading.celsius > 30)
      .map('brief', (reading, ctx: StepContext<unknown>) => ({ sensor: reading.sensor, at: ctx.timestamp }))
      .to('files', fileSink({ directory: 'out' })),
})

export const archived = definePipeline({
  name: 'archived',
  sources: { readings: kafkaSource({ topic: 'readings', value: json(Reading) }) },
  steps: ({ readings }) =>
    readings.to('s3', s3Sink({ bucket: 'archive', prefix: 'readings', path: ({ sensor }) => `sensor=${sensor}` })),
})

export async function* archivedKeys(): AsyncGenerator<CommittedObject['key']> {
  for await (const { key } of readCommitted({ bucket: 'archive', prefix: 'readings' })) yield key
}

export const stored = definePipeline({
  name: 'stored',
  sources: { readings: kafkaSource({ topic: 'readings', value: json(Reading) }) },
  steps: ({ readings }) => [
    readings.to('newest', postgresSink({ table: 'newest', upsert: { key: ['sensor'] } })),
    readings.to(
      'sums',
      postgresStatementSink({
        async write(tx, outputs) {
          const { rowCount } = await tx.query('SELECT $1', [outputs.map(({ value }) => value.celsius)])
          if (rowCount !== 1) throw new Error('no row')
        },
      }),
    ),
  ],
})
export const database: PostgresConnection = { connectionString: 'postgres://localhost/db', ledgerSchema: 'ops' }
export const ddl: string = postgresLedgerDdl({ schema: 'ops' })

export const doubled = definePipeline({
  name: 'doubled',
  sources: { numbers: memorySource([1, 2, 3]) },
  steps: ({ numbers }) => numbers.map('double', (n) => n * 2).to('sink', memorySink<number>()),
})

export const alarms = definePipeline({
  name: 'alarms',
  sources: { readings: kafkaSource({ topic: 'readings', value: json(Reading) }) },
  steps: ({ readings }) => [
    readings.to('erp', httpSink({ url: ({ sensor }) => `https://erp.example/${sensor}`, connection: 'erp' })),
    readings.to('saga', workflowSink({ workflow: 'alarm', taskQueue: 'alarms', args: ({ sensor }) => [sensor] })),
  ],
})

export const large = definePipeline({
  name: 'large',
  sources: { readings: kafkaSource({ topic: 'readings', value: json(Reading) }) },
  state: { backend: fileState({ directory: 'state' }), store: lmdbStore({ directory: 'cache' }) },
  steps: ({ readings }) => readings.to('files', fileSink({ directory: 'out' })),
})

// What isn't there, and what doesn't fit, has to be an error: an entry without types would let both pass.
// @ts-expect-error a file sink needs a directory
export const nowhere = fileSink<string>({})
// @ts-expect-error an S3 sink needs a bucket
export const noBucket = s3Sink<string>({})
export const strings = definePipeline({
  name: 'strings',
  sources: { readings: kafkaSource({ topic: 'readings', value: json(Reading) }) },
  steps: ({ readings }) =>
    // @ts-expect-error celsius is a number
    readings.filter('hot', (reading) => reading.celsius.startsWith('3')).to('files', fileSink({ directory: 'out' })),
})
// @ts-expect-error a key is made of properties
export const keyless = postgresSink<{ a: number }>({ table: 't', upsert: { key: ['b'] } })
// @ts-expect-error a workflow sink needs a task queue
export const unqueued = workflowSink<string, []>({ workflow: 'alarm', args: () => [] })
// @ts-expect-error pipelines have to be given
export const empty: TidemarkPluginOptions = {}
// @ts-expect-error a pipeline isn't asked for by number
export const byNumber = (pipelines: PipelineClient): PipelineHandle => pipelines.get(3)

export const plugin = (pipelines: readonly Pipeline[]): TidemarkPlugin =>
  new TidemarkPlugin({
    pipelines,
    kafka: { brokers: ['localhost:9092'] },
    postgres: database,
    s3: {},
    heartbeatTimeout: '4s',
  })

export async function lagOf(client: Client): Promise<PipelineStatus['lag']> {
  const handle: PipelineHandle = new PipelineClient(client).get(hot)
  try {
    return (await handle.status()).lag
  } catch (error) {
    if (isTidemarkError(error, 'PipelineNotFound')) return error.details.known?.length ?? null
    throw error
  }
}

export const names: readonly string[] = [tidemarkPipeline.name, tidemarkTask.name]
