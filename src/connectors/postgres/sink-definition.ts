import type { SinkContext, TransactionalSink, TransactionalWriter } from '../../definition/sink.js'
import type { Database, OpenDatabase, Session } from './database.js'
import { sinkFailure, type Target } from './failure.js'
import { Ledger } from './ledger.js'
import { takeOver } from './open.js'
import { using } from './transaction.js'
import { type Apply, PostgresWriter } from './writer.js'

/** What all sinks of Postgres are, whatever they write and how. `prepare` is called once for each writer. */
export function postgresDefinition<W>(
  open: OpenDatabase,
  name: string,
  writes: string,
  prepare: (session: Session, target: Target) => Promise<Apply<W>>,
): Pick<TransactionalSink<never, W>, 'kind' | 'mode' | 'describe' | 'open' | 'inspect'> {
  const describe = name === 'default' ? writes : `${writes} of database ${name}`
  const targetOf = ({ pipeline, stage, partition, sinks }: Place): Target => ({
    at: { pipeline, stage, partition, sink: sinks.join(',') },
    target: describe,
  })
  return {
    kind: 'postgres',
    mode: 'transactional',
    describe,
    async open(ctx): Promise<TransactionalWriter<W>> {
      const target = targetOf(ctx)
      return await opened(open, ctx, name, target, OPEN, async (database) => {
        const apply = await using(database, ctx.signal, (session) => prepare(session, target))
        const at = { database, ctx, target, ledger: new Ledger(database.ledgerSchema, ctx.ledgerKey, target) }
        return new PostgresWriter(at, await takeOver(at), apply)
      })
    },
    async inspect(ctx) {
      const target = targetOf(ctx)
      return await opened(open, ctx, name, target, 'read its ledger', async (database) => {
        const ledger = new Ledger(database.ledgerSchema, ctx.ledgerKey, target)
        const receipt = await using(database, ctx.signal, (session) => ledger.read(session))
        await database.close()
        return receipt
      })
    },
  }
}

const OPEN = 'open its ledger'

type Place = Pick<SinkContext, 'pipeline' | 'stage' | 'partition' | 'sinks'>

/** Opens the database for `body`, which closes it if all goes well. */
async function opened<R>(
  open: OpenDatabase,
  ctx: Pick<SinkContext, 'connection'>,
  name: string,
  target: Target,
  doing: string,
  body: (database: Database) => Promise<R>,
): Promise<R> {
  const settings = ctx.connection('postgres', name)
  try {
    const database = await open(settings)
    try {
      return await body(database)
    } catch (error) {
      await database.close()
      throw error
    }
  } catch (error) {
    throw sinkFailure(target, doing, error)
  }
}
