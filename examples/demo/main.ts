/** What `npm start` runs: the whole path from a Kafka topic to checked files and rows. */
import { rm } from 'node:fs/promises'
import { Client, Connection } from '@temporalio/client'
import { PipelineClient } from 'tidemark/client'
import { startPostgres } from '../../src/dev/postgres-server.js'
import { startDevStack, type DevStack } from '../../src/dev/stack.js'
import { delayedFlights } from '../delayed-flights.js'
import { delaysByAirport } from '../delays-by-airport.js'
import { publishBesideIt } from './arrivals.js'
import { check } from './check.js'
import { createTable, expectedDelays, EXPORT, exportDelays, readDelays, wrongDelays } from './delays.js'
import { expectedPairs, EXPORT as PAIRS_EXPORT, exportPairs, readPairs } from './pairs.js'
import { type Flight, readFlights } from './flights.js'
import { type DemoOptions, optionsFrom, usage } from './options.js'
import { wrongRows } from './rows.js'
import { count, ProgressBar } from './progress.js'
import { publish, type Publishing, TOPIC } from './publish.js'
import { runToEnd } from './run-pipeline.js'
import { travel } from './time-travel.js'
import { type DemoWorker, startWorker } from './worker.js'

const OUTPUT = 'out/delayed-flights'
const PAIRS = 'out/connections'

/** Returns the exit code: 0 if nothing is missing, duplicated or unexpected. */
export async function main(args: readonly string[]): Promise<number> {
  const options = optionsFrom(args)
  if (options === null) {
    say(usage)
    return 0
  }
  const flights = await readFlights()
  say('starting Temporal, Kafka and Postgres')
  const [stack, postgres] = await bothOrNone(
    startDevStack({ ...options, onProgress: say }),
    startPostgres({ onProgress: say }),
  )
  try {
    return await demonstrate({ ...stack, postgres: postgres.url }, flights, options)
  } finally {
    await Promise.all([stack.stop(), postgres.stop()])
  }
}

type DemoStack = DevStack & { readonly postgres: string }

async function demonstrate(stack: DemoStack, flights: readonly Flight[], options: DemoOptions): Promise<number> {
  const { temporal, kafka, postgres } = stack
  const { brokers } = kafka
  // Only what this demo wrote: a file sink's directory is its own.
  for (const directory of [OUTPUT, PAIRS]) await rm(directory, { recursive: true, force: true })
  await createTable(postgres, 'airport_delays')
  const connection = await Connection.connect({ address: temporal.address })
  const servers = { address: temporal.address, brokers, postgres }
  const worker = await startWorker(servers)
  try {
    const client = new PipelineClient(new Client({ connection }))
    const read = await beforeTheEndOf(worker, publishAndRun(client, { brokers, flights }, options))
    if (read === null) return 130
    const { written, missing, duplicated, unexpected } = await check(OUTPUT, flights)
    const delays = await readDelays(postgres, 'airport_delays')
    await exportDelays(delays)
    const pairs = await readPairs(PAIRS)
    await exportPairs(pairs)
    const wrong = wrongDelays(delays, expectedDelays(flights)) + wrongRows(pairs, expectedPairs(flights))
    const webUi = pageOf(temporal.uiAddress)
    say(
      [
        '',
        `read        ${count(Math.min(...read))} flights from topic '${TOPIC}', by each of ${read.length} pipelines`,
        `written     ${count(written)} of them to ${OUTPUT}`,
        `missing     ${count(missing)}`,
        `duplicated  ${count(duplicated)}`,
        ...(unexpected === 0 ? [] : [`unexpected  ${count(unexpected)}`]),
        `averages    ${count(delays.length)}, of each airport and day, to Postgres and ${EXPORT}`,
        `connections ${count(pairs.length)}, of flights that one can go on with, to ${PAIRS} and ${PAIRS_EXPORT}`,
        `wrong       ${count(wrong)}`,
        `Web UI      ${webUi ?? `of the server at ${temporal.address}`}`,
      ].join('\n'),
    )
    const travelled = options.timeTravel ? await beforeTheEndOf(worker, travel({ client, servers, flights, say })) : 0
    if (travelled === null) return 130
    if (options.keep) await goOn(client, worker, stack)
    const all = read.every((records) => records === flights.length)
    return all && missing + duplicated + unexpected + wrong + travelled === 0 ? 0 : 1
  } finally {
    await worker.stop()
    await connection.close()
  }
}

/** How many records each pipeline has read. */
async function publishAndRun(
  client: PipelineClient,
  publishing: Pick<Publishing, 'brokers' | 'flights'>,
  { timeTravel }: DemoOptions,
): Promise<readonly number[]> {
  const { length } = publishing.flights
  const bar = new ProgressBar('published', length)
  const onProgress = (published: number): void => bar.show(published)
  await (timeTravel ? publishBesideIt(client, { ...publishing, onProgress }) : publish({ ...publishing, onProgress }))
  bar.end()
  return await runToEnd(client, length, timeTravel ? delaysByAirport : undefined)
}

/** The pipeline goes on from where it ended, with whatever comes, until Ctrl-C. */
async function goOn(client: PipelineClient, worker: DemoWorker, { temporal, kafka }: DevStack): Promise<void> {
  const { name } = await client.start(delayedFlights)
  say(
    [
      `Temporal    ${temporal.address}`,
      `Kafka       ${kafka.brokers.join(',')}`,
      '',
      `'${name}' goes on with what comes into topic '${TOPIC}'. Ctrl-C ends it, and the servers.`,
    ].join('\n'),
  )
  await worker.ended
}

/** What has started is stopped where the other one fails. */
async function bothOrNone<A extends Stoppable, B extends Stoppable>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  try {
    return await Promise.all([a, b])
  } catch (error) {
    for (const one of await Promise.allSettled([a, b])) if (one.status === 'fulfilled') await one.value.stop()
    throw error
  }
}

interface Stoppable {
  stop(): Promise<void>
}

/** Null: Ctrl-C ended the worker first. */
async function beforeTheEndOf<T>(worker: DemoWorker, work: Promise<T>): Promise<T | null> {
  return await Promise.race([work, worker.ended.then(() => null)])
}

/** The pipeline's own page. */
function pageOf(uiAddress: string | null): string | null {
  if (uiAddress === null) return null
  return `${uiAddress}/namespaces/default/workflows/${encodeURIComponent(`tidemark/${delayedFlights.name}`)}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
