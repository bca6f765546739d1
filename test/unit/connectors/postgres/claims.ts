/** What the tests of this directory write through: openings as a worker's claim makes them, and databases with steps. */
import type { Database, OpenDatabase, Session } from '../../../../src/connectors/postgres/database.js'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import type { PostgresConnection } from '../../../../src/connectors/postgres/postgres-connection.js'
import { noHeaders } from '../../../../src/definition/headers.js'
import type {
  Item,
  Output,
  Owner,
  Receipt,
  SinkContext,
  TransactionalSink,
  TransactionalWriter,
} from '../../../../src/definition/sink.js'
import { fenceAs } from '../../../../src/testing/contract/fence.js'

/** What `ctx.reject` throws here. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly itemId: string
  readonly reason: string

  constructor(itemId: string, reason: string) {
    super(`${itemId}: ${reason}`)
    this.itemId = itemId
    this.reason = reason
  }
}

export interface Claimed<T> {
  readonly writer: Pick<TransactionalWriter<never>, 'receipt' | 'close' | 'abort'>
  readonly owner: Owner
  /** Writes and commits them; ids are item-0, item-1, … over the claim's life. */
  commit(values: readonly T[]): Promise<Receipt>
  /** The same, from a position of one's own. */
  commitAt(position: number, values: readonly T[]): Promise<Receipt>
  /** As the engine does after a rejection. */
  abort(): Promise<void>
  /** As when a session is shut while it commits. */
  readonly abandon: AbortController
}

const POSITIONS = { numbers: '0' }

export interface ClaimOptions {
  readonly connection: PostgresConnection
  readonly claim?: number
  readonly key?: string
}

/** Opens the sink as a claim does. */
export async function claimed<T, W>(
  sink: TransactionalSink<T, W>,
  { connection, claim = 1, key = 'ns/test/main/0/out' }: ClaimOptions,
): Promise<Claimed<T>> {
  const owner: Owner = { generation: 1, incarnation: 1, claim, runId: 'run' }
  const place = { pipeline: 'test', stage: 'main', partition: 0 }
  const abandon = new AbortController()
  const decide = fenceAs(owner, POSITIONS, { ...place, sink: 'out', owner, ledgerOwner: null })
  let last: Receipt | undefined
  const ctx: SinkContext = {
    ...place,
    owner,
    ledgerKey: key,
    sinks: ['out'],
    signal: abandon.signal,
    connection: () => connection,
    fence: (found) => (last = decide(found)),
    reject(itemId, reason) {
      throw new Rejected(itemId, reason)
    },
  }
  const writer = await sink.open(ctx)
  let written = 0
  const commitAt = async (position: number, values: readonly T[]): Promise<Receipt> => {
    if (last === undefined) throw new Error('open did not call fence')
    written = position
    await writer.write(values.map((value) => itemOf(sink, value, written++)))
    const receipt: Receipt = { ...last, seq: last.seq + 1, positions: { numbers: String(written) } }
    await writer.commit(receipt)
    last = receipt
    return receipt
  }
  return {
    writer,
    owner,
    abandon,
    commitAt,
    commit: (values) => commitAt(written, values),
    abort: () => writer.abort(),
  }
}

export function itemOf<T, W>(sink: TransactionalSink<T, W>, value: T, n: number): Item<W> {
  return { id: `item-${n}`, sink: 'out', data: sink.encode(outputOf(value, n)) }
}

export function outputOf<T>(value: T, n = 0): Output<T> {
  const origin = { source: 'numbers', partition: 0, position: String(n) }
  return { value, key: null, timestamp: 0, headers: noHeaders, origin, id: `item-${n}` }
}

/** The database with `before` awaited before each of its steps; it is told the statement. */
export function stepped(before: (statement: string) => Promise<void>, open: OpenDatabase = openDatabase): OpenDatabase {
  return async (settings) => {
    const database = await open(settings)
    const connect: Database['connect'] = async (signal) => {
      await before('connect')
      return steppedSession(await database.connect(signal), before)
    }
    return { ...database, connect }
  }
}

/** Giving back isn't stepped: what a killed process held is given back with it. */
function steppedSession(session: Session, before: (statement: string) => Promise<void>): Session {
  return {
    async query(text, values) {
      await before(text)
      return await session.query(text, values)
    },
    async queryOne(text, values) {
      await before(text)
      return await session.queryOne(text, values)
    },
    async copy(text, input) {
      await before(text)
      await session.copy(text, input)
    },
    release: (broken) => session.release(broken),
  }
}
