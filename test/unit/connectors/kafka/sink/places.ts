/** Kafka as a place to write to, and what readers of committed records see there. */
import { type BrokerLink, openBrokerLink } from '../../../../../src/connectors/kafka/broker-link.js'
import { WireReader } from '../../../../../src/connectors/kafka/protocol/wire-reader.js'
import { WireWriter } from '../../../../../src/connectors/kafka/protocol/wire-writer.js'
import { kafkaSinkDefinition, type Wiring } from '../../../../../src/connectors/kafka/sink/kafka-sink.js'
import type { KafkaSinkOptions } from '../../../../../src/connectors/kafka/sink/sink-options.js'
import { findCoordinatorRequest } from '../../../../../src/connectors/kafka/protocol/find-coordinator.js'
import type { SourceRecord } from '../../../../../src/definition/source.js'
import { brokers } from '../../../../setup/shared-servers.js'
import { createTopic } from '../../../../setup/topics.js'
import { uniqueName } from '../../../../setup/unique-name.js'
import { waitUntil } from '../../../../setup/wait-until.js'
import { boundsOf, definitionOf, open, poll } from '../reading.js'

/** Connections whose every request waits for `step` first. What that fails with isn't tried again, unlike lost connections. */
export const steppedLink = (step: () => Promise<void>): Wiring['openLink'] => {
  const taken = async (): Promise<void> => {
    try {
      await step()
    } catch (cause) {
      throw new TypeError('stopped by the test', { cause })
    }
  }
  return async (connection, address, signal) => {
    await taken()
    const link = await openBrokerLink(connection, address, signal)
    return {
      ...link,
      async send(request, holdMs) {
        await taken()
        return await link.send(request, holdMs)
      },
    }
  }
}

export const wiring = (more: Partial<Wiring> = {}): Wiring => ({
  openLink: openBrokerLink,
  patienceMs: 10_000,
  settleMs: 10,
  catchUpMs: 2_000,
  refreshMs: 3_600_000,
  ...more,
})

/** A pipeline and a topic that nobody has used, and what the sink is told of them. */
export async function newPlace<T>(
  options: Partial<KafkaSinkOptions<T>> = {},
  more: Partial<Wiring> = {},
  partitions = 1,
): Promise<ReturnType<typeof placeOf<T>>> {
  const topic = await createTopic(brokers(), uniqueName('out'), partitions)
  return placeOf<T>(topic, options, more)
}

function placeOf<T>(topic: string, options: Partial<KafkaSinkOptions<T>>, more: Partial<Wiring>) {
  const pipeline = uniqueName('pipeline')
  const sink = kafkaSinkDefinition<T>({ topic, ...options }, wiring(more))
  const context = {
    pipeline,
    stage: 'main',
    partition: 3,
    ledgerKey: `tests/${pipeline}/main/3/${sink.scope}`,
    connection: () => ({ brokers: brokers() }),
  }
  return { topic, pipeline, sink, context, transactionalId: `tidemark/${context.ledgerKey}` }
}

/** Values as a reader of committed records sees them, null for tombstones. */
export async function readValues(topic: string, transactionalId: string, partition = 0): Promise<unknown[]> {
  await settled(transactionalId)
  const records = await readRecords(topic, partition)
  return records.map(({ value }) => (value === null ? null : (JSON.parse(Buffer.from(value).toString()) as unknown)))
}

/** Up to the last stable offset. */
export async function readRecords(topic: string, partition = 0): Promise<readonly SourceRecord<Uint8Array | null>[]> {
  const definition = definitionOf(topic)
  const asked = { brokers: brokers(), partition }
  const { end } = await boundsOf(definition, asked)
  const reader = await open(definition, asked)
  const records: SourceRecord<Uint8Array | null>[] = []
  try {
    for (let next = '0'; Number(next) < Number(end);) {
      const batch = await poll(reader)
      records.push(...(batch.records as readonly SourceRecord<Uint8Array | null>[]))
      next = batch.next
    }
  } finally {
    await reader.close()
  }
  return records
}

/** What a fault does to a request: it never arrives, or its answer does not. */
export type Fault = 'request lost' | 'answer lost'

/** Connections that break at requests of a name, as long as `faults` has some. */
export const breakingLink =
  (faults: { readonly api: string; readonly fault: Fault }[], seen: string[] = []): Wiring['openLink'] =>
  async (connection, address, signal) => {
    const link = await openBrokerLink(connection, address, signal)
    return {
      ...link,
      async send(request, holdMs) {
        seen.push(request.api.name)
        const at = faults.findIndex(({ api }) => api === request.api.name)
        const [broken] = at < 0 ? [] : faults.splice(at, 1)
        if (broken?.fault !== 'request lost') {
          const answer = await link.send(request, holdMs)
          if (broken === undefined) return answer
        }
        throw new Error(`Closed connection (${broken.fault})`)
      },
    }
  }

/** Connections whose answers to requests of a name are what `shown` makes of them. */
export const answeringLink =
  (shown: (api: string, answer: unknown) => unknown): Wiring['openLink'] =>
  async (connection, address, signal) => {
    const link = await openBrokerLink(connection, address, signal)
    return {
      ...link,
      async send(request, holdMs) {
        const answer = await link.send(request, holdMs)
        return shown(request.api.name, answer) as typeof answer
      },
    }
  }

let reading: Promise<{ link: BrokerLink }> | undefined

/** Waits until no transaction of that id is being ended: its markers are written some ms after the answer. */
export async function settled(transactionalId: string): Promise<void> {
  const { link } = await (reading ??= openLink())
  await waitUntil(async () => !(await stateOf(link, transactionalId)).startsWith('Prepare'), { every: 5 })
}

async function openLink(): Promise<{ link: BrokerLink }> {
  const address = brokers()[0] ?? ''
  return { link: await openBrokerLink({ brokers: brokers() }, address, new AbortController().signal) }
}

/** DescribeTransactions 0; one broker coordinates all in these tests. */
async function stateOf(link: BrokerLink, transactionalId: string): Promise<string> {
  await link.send(findCoordinatorRequest('transaction', transactionalId))
  const body = new WireWriter().compactArray(1).compactString(transactionalId).noTags().bytes()
  const { state } = await link.send({
    api: { name: 'DescribeTransactions', key: 65, version: 0, flexible: true },
    body,
    read(answer) {
      const reader = new WireReader(answer)
      const throttleMs = reader.int32()
      const [found] = reader.compactArray(() => {
        const errorCode = reader.int16()
        reader.compactString()
        const name = reader.compactString()
        return errorCode === 105 ? 'Unknown' : name // TRANSACTIONAL_ID_NOT_FOUND
      })
      return { throttleMs, state: found ?? '' }
    },
  })
  return state
}
