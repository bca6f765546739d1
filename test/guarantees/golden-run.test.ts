import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { GOLDEN_SINKS, type GoldenOptions } from '../fixtures/golden-pipeline.js'
import type { GoldenSettings } from '../fixtures/golden-worker.js'
import type { Outputs } from '../oracle/compare.js'
import { firstDifference } from '../oracle/first-difference.js'
import { readOutput } from '../oracle/read-output.js'
import { CommitWatch } from '../setup/scene/commits.js'
import { killBeyond } from '../setup/scene/kill-beyond.js'
import { taskPast } from '../setup/scene/task-past.js'
import { WorkerCrew } from '../setup/scene/worker-crew.js'
import { brokers } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { Seeded } from '../simulation/seeded.js'
import { BEGIN, keyOf, readings, take } from './golden-readings.js'
import { Topics } from './topics.js'

/**
 * The promise: what a pipeline writes depends on its records alone. Every step that keeps state, joins of topics among them,
 * writes, line by line, what it wrote in a golden run of the same topics by one worker that nothing ever happened to: with three
 * workers, other checkpoints, state in files instead of history, and kill -9 of a partition's owner after each of three
 * checkpoints, in the middle of the next epoch.
 */

/** Records by partition. The first is the one whose owner is killed. */
const RECORDS = [3_000, 1_000, 1_000]
/**
 * However fast the machine, at most 60 of the slow records make an epoch: there are more of them than a dozen epochs take,
 * for three faults, each of which this process may be late for.
 */
const SLOW = { from: 1_000, to: 2_200, ms: 10 } as const
const FAULTS = 3
const names = { golden: uniqueName('golden'), disturbed: uniqueName('disturbed') }
type Run = keyof typeof names
let crew: WorkerCrew<GoldenSettings>
let topics: Topics
let read: GoldenOptions['topics']
/** Of one of the disturbed run's sinks. */
let commits: CommitWatch

const workflowOf = (run: Run): string => `tidemark/${names[run]}`
const taskOf = (run: Run, partition: number): string => `${workflowOf(run)}/main/${partition}`
const directoryOf = (run: Run): string => join(crew.directory, run)

beforeAll(async () => {
  crew = await WorkerCrew.gather('golden-worker')
  commits = new CommitWatch(join(directoryOf('disturbed'), 'count'))
  topics = new Topics()
  const made = (name: string) => topics.make(uniqueName(name), RECORDS.length)
  read = { readings: await made('readings'), others: await made('others'), rows: await made('rows') }
  for (const [partition, count] of RECORDS.entries()) {
    await topics.produce({ topic: read.readings, messages: take(count, readings(partition, 1)) })
    await topics.produce({ topic: read.others, messages: take(count, readings(partition, 101)) })
    await topics.produce({ topic: read.rows, messages: changes(partition, count / 5) })
  }
})

afterAll(async () => {
  await commits.stop().catch(() => undefined)
  const ids = (['golden', 'disturbed'] as const).flatMap((run) => [
    workflowOf(run),
    ...RECORDS.map((_, partition) => taskOf(run, partition)),
  ])
  await crew.close(ids)
  await topics.close()
})

/** Of a table: each of its keys changes now and then, and is gone now and then, over the time of the readings. */
function changes(partition: number, count: number) {
  const random = new Seeded(partition + 201)
  return Array.from({ length: count }, (_, n) => ({
    partition,
    key: keyOf(partition, random),
    timestamp: String(BEGIN + n * 300),
    value: random.chance(0.3) ? null : JSON.stringify({ name: `row ${n}` }),
  }))
}

/** Where that is, nothing is slow any more. */
const over = (): string => join(crew.directory, 'faults-are-over')
const disturbance = () =>
  ({
    slow: { ...SLOW, until: over() },
    commit: '300ms',
    checkpoint: '600ms',
    state: join(crew.directory, 'state'),
  }) as const

type Pace = Pick<GoldenOptions, 'slow' | 'commit' | 'checkpoint' | 'state'>

async function addWorkers(run: Run, count: number, pace: Pace): Promise<void> {
  for (let i = 0; i < count; i++) {
    await crew.add({
      brokers: brokers(),
      pipeline: names[run],
      topics: read,
      directory: directoryOf(run),
      taskQueue: names[run],
      heartbeatTimeout: '1500ms',
      ...pace,
    })
  }
}

const start = (run: Run) =>
  crew.client.workflow.start('tidemarkPipeline', {
    workflowId: workflowOf(run),
    taskQueue: names[run],
    args: [{ pipeline: names[run], until: 'latest' }],
  })

/** The first place where two runs differ, by sink and partition. */
async function differences(): Promise<string[]> {
  const found: string[] = []
  for (const sink of GOLDEN_SINKS) {
    const [golden, disturbed] = await Promise.all([outputs('golden', sink), outputs('disturbed', sink)])
    for (const [partition] of RECORDS.entries()) {
      const [wanted, lines] = [golden.get(partition) ?? [], disturbed.get(partition) ?? []]
      // A golden run that wrote nothing would be equal to anything that does nothing.
      if (wanted.length === 0) found.push(`${sink}, partition ${partition}: the golden run has written nothing`)
      found.push(...firstDifference(`${sink}, partition ${partition}`, wanted, lines))
    }
  }
  return found
}

const outputs = (run: Run, sink: string): Promise<Outputs> => readOutput(join(directoryOf(run), sink))

it('every step with state writes what an undisturbed run writes', { timeout: 480_000 }, async () => {
  await addWorkers('golden', 1, {})
  await addWorkers('disturbed', 3, disturbance())
  const golden = await start('golden')
  expect(await golden.result()).toMatchObject({ state: 'completed' })
  await crew.members[0]?.terminate()

  const disturbed = await start('disturbed')
  let epoch = 0
  for (let fault = 0; fault < FAULTS; fault++) {
    epoch = await killBeyond(epoch, { id: taskOf('disturbed', 0), partition: 0, commits }, crew)
    // Enough for all three to be somebody else.
    if (fault === 0) await addWorkers('disturbed', 1, disturbance())
  }
  await writeFile(over(), '')
  expect(await disturbed.result()).toMatchObject({ state: 'completed' })

  // It was real: each fault lost an epoch, and state was made again behind a checkpoint, for outputs that were there already.
  const { activities } = await taskPast(crew.client, taskOf('disturbed', 0))
  const lost = activities.filter(({ type, outcome }) => type === 'tidemark.runEpoch' && outcome === 'timed out')
  const ahead = activities.filter(({ type, result }) => type === 'tidemark.claim' && Boolean(result['furthest']))
  expect(lost.length).toBeGreaterThanOrEqual(FAULTS)
  expect(ahead.length).toBeGreaterThan(0)
  expect(await differences()).toEqual([])
})
