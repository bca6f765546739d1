/** What `npm start -- --time-travel` adds: the commands of docs/time-travel.md, and whether each told and did what it should. */
import type { CheckpointInfo, PipelineClient } from 'tidemark/client'
import { connections } from '../connections.js'
import { delaysByAirport } from '../delays-by-airport.js'
import { delaysV2 } from '../time-travel/forked.js'
import { moduleOf, type Outcome, tidemark } from './command-line.js'
import { createTable, type Delays, expectedDelays, isSpoiled, readDelays, spoilDelays, wrongDelays } from './delays.js'
import type { Flight } from './flights.js'
import { count } from './progress.js'
import { delaysBehind } from './windows.js'
import type { DemoServers } from './worker.js'

const DELAYS = delaysByAirport.name
const CONNECTIONS = connections.name
/** The promise is over at least so many. */
const CONTINUED = 3

export interface Travel {
  readonly client: PipelineClient
  readonly servers: DemoServers
  readonly flights: readonly Flight[]
  readonly say: (text: string) => void
}

/** What the commands need, as environment variables. */
export const environment = ({ address, brokers, postgres }: DemoServers): Readonly<Record<string, string>> => ({
  TEMPORAL_ADDRESS: address,
  KAFKA_BROKERS: brokers.join(','),
  DATABASE_URL: postgres,
})

/** Returns how many things were not as they should be. */
export async function travel(tour: Travel): Promise<number> {
  const { say, servers } = tour
  say('\nThe same by hand, with --keep, in another terminal:')
  for (const [name, value] of Object.entries(environment(servers))) say(`export ${name}=${value}`)
  const steps = new Steps(tour)
  const middle = await steps.history()
  await steps.verify()
  await steps.shadow()
  await steps.fork(middle)
  await steps.rewind(middle)
  return steps.wrong
}

/** Checkpoints of one epoch, of each partition. */
interface Middle {
  readonly generation: number
  readonly epoch: number
  readonly rows: readonly Delays[]
}

class Steps {
  wrong = 0
  private readonly tour: Travel
  private readonly asRun = moduleOf('as-run')
  private readonly changed = moduleOf('changed')
  private readonly guessing = moduleOf('guessing')

  constructor(tour: Travel) {
    this.tour = tour
  }

  async history(): Promise<Middle> {
    await this.command('checkpoints', DELAYS, '--partition', '0', '--limit', '5')
    const found: CheckpointInfo[] = []
    for await (const one of this.tour.client.get(DELAYS).checkpoints()) found.push(one)
    const generation = Math.max(...found.map((one) => one.generation))
    const own = found.filter((one) => one.generation === generation)
    const tasks = [...new Set(own.map(({ partition }) => partition))].map((n) =>
      own.filter((one) => one.partition === n),
    )
    const distinct = (of: readonly (string | number)[]): number => new Set(of).size
    const continued = Math.min(
      ...tasks.map(
        (task) => distinct(task.map(({ runId }) => runId)) - distinct(task.map(({ incarnation }) => incarnation)),
      ),
    )
    this.check(continued >= CONTINUED, `every task has continued as new ${continued} times or more`)
    const epoch = Math.floor(Math.min(...tasks.map(({ length }) => length)) / 2)
    const rows = delaysBehind(
      own.filter((one) => one.epoch === epoch),
      this.tour.flights,
    )
    return { generation, epoch, rows }
  }

  async verify(): Promise<void> {
    const records = this.tour.flights.length
    const all = ['--epochs', '1..'] as const
    const same = await this.command('verify', DELAYS, ...all, '--module', this.asRun)
    this.check(
      same.code === 0 && verified(same) === records,
      `every digest is that of history, over all ${count(records)} flights and continue-as-new`,
    )
    const both = await this.command('verify', CONNECTIONS, ...all, '--module', this.asRun)
    // The second stage reads each flight twice: by where it goes to, and by where it comes from.
    this.check(both.code === 0 && verified(both) === 3 * records, 'behind a repartition as well: both stages')

    const first = [...all, '--partition', '0'] as const
    const tampered = await this.command('verify', DELAYS, ...first, '--module', this.changed)
    this.check(blames(tampered, "the code of 'row' is not what ran then"), 'a step that was changed is named')
    const second = [...first, '--stage', 'by-destination'] as const
    const stage = await this.command('verify', CONNECTIONS, ...second, '--module', this.changed)
    this.check(blames(stage, "the code of 'later' is not what ran then"), 'also in the second stage')
    const random = await this.command('verify', DELAYS, ...first, '--module', this.guessing)
    this.check(
      blames(random, "'row' makes something else of the same records each time"),
      'a step that is not deterministic is named',
    )
  }

  async shadow(): Promise<void> {
    const expected = expectedDelays(this.tour.flights)
    const fractions = expected.filter(({ average }) => !average.endsWith('.0000')).length
    const codes = ['--module', this.changed, '--against', this.asRun, '--from', '0'] as const
    const { code, out } = await this.command('shadow', DELAYS, ...codes)
    const [changed, added, removed, same] = ['changed', 'added', 'removed', 'the same'].map((what) => total(out, what))
    this.check(
      code === 0 && changed === fractions && same === expected.length - fractions && added === 0 && removed === 0,
      `${count(fractions)} averages of ${count(expected.length)} aren't whole minutes, and just those would change`,
    )
  }

  async fork({ generation, epoch, rows }: Middle): Promise<void> {
    const { client, servers } = this.tour
    await createTable(servers.postgres, 'airport_delays_v2')
    const from = ['--from', `${generation}/${epoch}`, '--until', 'latest'] as const
    const { code } = await this.command('fork', DELAYS, '--as', delaysV2.name, ...from)
    if (code === 0) await client.get(delaysV2.name).result()
    const found = await readDelays(servers.postgres, 'airport_delays_v2')
    this.check(
      rows.length > 0 && wrongDelays(found, rows) === 0,
      `airport_delays_v2 has the ${count(rows.length)} rows of the days that had not passed at epoch ${epoch}`,
    )
  }

  async rewind({ generation, epoch, rows }: Middle): Promise<void> {
    const { servers, flights, say } = this.tour
    const expected = expectedDelays(flights)
    say('\nEvery row of airport_delays is made wrong now, so that one sees which are written again.')
    await spoilDelays(servers.postgres, 'airport_delays')
    const to = ['--to', `${generation}/${epoch}`, '--until', 'latest'] as const
    const asked = await this.command('rewind', DELAYS, ...to)
    this.check(asked.code === 2, 'without --yes it only says what it would do')
    const again = await this.rewound(...to)
    const right = again.filter((row) => !isSpoiled(row))
    this.check(
      right.length < again.length && again.length === expected.length && wrongDelays(right, rows) === 0,
      `the ${count(rows.length)} rows behind epoch ${epoch} were written again, and no others`,
    )
    const all = await this.rewound('--to', `${generation}/0`, '--until', 'latest')
    this.check(wrongDelays(all, expected) === 0, 'back to the beginning: the whole table is as the data set says')
    const verdict = await this.command('verify', DELAYS, '--epochs', '1..', '--module', this.asRun)
    this.check(verdict.code === 0 && verified(verdict) === flights.length, 'and the newest generation is what it wrote')
  }

  private async rewound(...to: readonly string[]): Promise<Delays[]> {
    const { client, servers } = this.tour
    const { code } = await this.command('rewind', DELAYS, ...to, '--yes')
    if (code !== 0) return []
    await client.get(DELAYS).result()
    return await readDelays(servers.postgres, 'airport_delays')
  }

  private async command(...args: readonly string[]): Promise<Outcome> {
    return await tidemark(args, environment(this.tour.servers), this.tour.say)
  }

  private check(right: boolean, what: string): void {
    if (!right) this.wrong++
    this.tour.say(`${right ? '✓' : '✗ NOT TRUE:'} ${what}`)
  }
}

/** Records that were executed again with the recorded digests, of all tasks. */
const verified = ({ out }: Outcome): number =>
  [...out.matchAll(/ verified: .*, ([\d,]+) records? executed again/g)].reduce((sum, [, n]) => sum + numberOf(n), 0)

const blames = ({ code, out }: Outcome, text: string): boolean =>
  code === 1 && out.includes('differs') && out.includes(text)

/** `1,234 changed · …`, of all tasks. */
const total = (out: string, what: string): number =>
  [...out.matchAll(new RegExp(`([\\d,]+) ${what}(?= ·|$)`, 'gm'))].reduce((sum, [, n]) => sum + numberOf(n), 0)

const numberOf = (text = ''): number => Number(text.replaceAll(',', ''))
