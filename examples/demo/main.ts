/** What `npm start` runs: the whole path from a Kafka topic to checked files. */
import { rm } from 'node:fs/promises'
import { Client, Connection } from '@temporalio/client'
import { PipelineClient } from 'tidemark/client'
import { startDevStack, type DevStack } from '../../src/dev/stack.js'
import { delayedFlights } from '../delayed-flights.js'
import { check } from './check.js'
import { type Flight, readFlights } from './flights.js'
import { type DemoOptions, optionsFrom, usage } from './options.js'
import { count, ProgressBar } from './progress.js'
import { publish, TOPIC } from './publish.js'
import { runToEnd } from './run-pipeline.js'
import { type DemoWorker, startWorker } from './worker.js'

const OUTPUT = 'out/delayed-flights'

/** Returns the exit code: 0 if nothing is missing, duplicated or unexpected. */
export async function main(args: readonly string[]): Promise<number> {
  const options = optionsFrom(args)
  if (options === null) {
    say(usage)
    return 0
  }
  const flights = await readFlights()
  say('starting Temporal and Kafka')
  const stack = await startDevStack({ ...options, onProgress: say })
  try {
    return await demonstrate(stack, flights, options)
  } finally {
    await stack.stop()
  }
}

async function demonstrate(stack: DevStack, flights: readonly Flight[], { keep }: DemoOptions): Promise<number> {
  const { temporal, kafka } = stack
  const bar = new ProgressBar('published', flights.length)
  await publish({ brokers: kafka.brokers, flights, onProgress: (published) => bar.show(published) })
  bar.end()

  // Only what this demo wrote: a file sink's directory is its own.
  await rm(OUTPUT, { recursive: true, force: true })
  const connection = await Connection.connect({ address: temporal.address })
  const worker = await startWorker(temporal.address, kafka.brokers)
  try {
    const client = new PipelineClient(new Client({ connection }))
    const read = await beforeTheEndOf(worker, runToEnd(client, flights.length))
    if (read === null) return 130
    const verdict = await check(OUTPUT, flights)
    const { written, missing, duplicated, unexpected } = verdict
    const webUi = pageOf(temporal.uiAddress)
    say(
      [
        '',
        `read        ${count(read)} flights from topic '${TOPIC}'`,
        `written     ${count(written)} of them to ${OUTPUT}`,
        `missing     ${count(missing)}`,
        `duplicated  ${count(duplicated)}`,
        ...(unexpected === 0 ? [] : [`unexpected  ${count(unexpected)}`]),
        `Web UI      ${webUi ?? `of the server at ${temporal.address}`}`,
      ].join('\n'),
    )
    if (keep) await goOn(client, worker, stack)
    return missing + duplicated + unexpected === 0 && read === flights.length ? 0 : 1
  } finally {
    await worker.stop()
    await connection.close()
  }
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
