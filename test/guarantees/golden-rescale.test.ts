import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { PipelineClient } from '../../src/client/pipeline-client.js'
import type { RescaledSettings } from '../fixtures/golden-worker.js'
import { RESCALED_OUTPUTS, RESCALED_SINKS } from '../fixtures/rescaled-pipeline.js'
import { firstDifference } from '../oracle/first-difference.js'
import { readByKey } from '../oracle/read-by-key.js'
import { CommitWatch } from '../setup/scene/commits.js'
import { killBeyond, type Standing } from '../setup/scene/kill-beyond.js'
import { taskPast } from '../setup/scene/task-past.js'
import { WorkerCrew } from '../setup/scene/worker-crew.js'
import { brokers } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { RescaleFeed } from './rescale-feed.js'
import { Topics } from './topics.js'

/**
 * The promise: a pipeline that goes on from a savepoint with another number of partitions between its stages writes, key by
 * key and line by line, what it writes where that number never changed and nothing ever happened: every step with state
 * whose state can move, joins of two repartitioned topics among them, and windows of a stage behind. With three workers, state
 * in files instead of history, and kill -9 of the owner of a partition after each of three checkpoints before and of one
 * after, in the middle of the next epoch; while records keep coming.
 */

const UPSTREAM = 2
const BEFORE = 3
const AFTER = 2
const FAULTS = 3
/** Pairs come out when the second value comes, and the other topic's values come when they come. */
const UNORDERED: readonly string[] = ['join', 'join-late', 'join-left', 'join-outer']
const names = { golden: uniqueName('golden'), disturbed: uniqueName('rescaled') }
type Run = keyof typeof names
let crew: WorkerCrew<RescaledSettings>
let pipelines: PipelineClient
let topics: Topics
let feed: RescaleFeed
/** Of one of the disturbed run's sinks. */
let commits: CommitWatch

const taskOf = (run: Run, stage: string, partition: number): string => `tidemark/${names[run]}/${stage}/${partition}`
const directoryOf = (run: Run): string => join(crew.directory, run)
const victim = () => ({ id: taskOf('disturbed', 'moved', 0), partition: 0, commits })

beforeAll(async () => {
  crew = await WorkerCrew.gather('golden-worker')
  pipelines = new PipelineClient(crew.client)
  commits = new CommitWatch(join(directoryOf('disturbed'), 'seen'))
  topics = new Topics()
  const made = (name: string) => topics.make(uniqueName(name), UPSTREAM)
  feed = new RescaleFeed(topics, { readings: await made('readings'), others: await made('others') }, UPSTREAM)
})

afterAll(async () => {
  await feed.stop().catch(() => undefined)
  await commits.stop().catch(() => undefined)
  const stages = Object.entries({ main: UPSTREAM, moved: BEFORE, 'by-start': 1 })
  const ids = (['golden', 'disturbed'] as const).flatMap((run) => [
    `tidemark/${names[run]}`,
    `tidemark/${names[run]}/savepoint/midway`,
    ...stages.flatMap(([stage, count]) => Array.from({ length: count }, (_, n) => taskOf(run, stage, n))),
  ])
  await crew.close(ids)
  for (const name of Object.values(names)) await topics.deleteChannels(name)
  await topics.close()
})

type Pace = Pick<RescaledSettings, 'partitions' | 'commit' | 'checkpoint' | 'state' | 'heartbeatTimeout'>

async function addWorkers(run: Run, count: number, pace: Pace): Promise<void> {
  for (let i = 0; i < count; i++) {
    const settings = { brokers: brokers(), pipeline: names[run], topics: feed.topics, directory: directoryOf(run) }
    await crew.add({ ...settings, taskQueue: queueOf(run, pace), ...pace })
  }
}

/** Workers with another definition are no use to a run. */
const queueOf = (run: Run, { partitions }: Pick<Pace, 'partitions'>): string => `${names[run]}-${partitions}`
const golden = { partitions: AFTER, commit: '500ms', checkpoint: '1s' } as const
const disturbed = (partitions: number) =>
  ({
    partitions,
    commit: '300ms',
    checkpoint: '600ms',
    state: join(crew.directory, 'state'),
    heartbeatTimeout: '1500ms',
  }) as const

const outputs = (run: Run, sink: string) => readByKey(join(directoryOf(run), sink))

/**
 * Both runs have been through all records that are there, and what these had to wait for by the wall clock has come. Throws
 * where the killed task has a problem: it would never come.
 */
async function throughAll(): Promise<void> {
  for (const run of ['golden', 'disturbed'] as const) {
    const what = `count-others and processing-timers of all records in the ${run} run`
    const { problem } = await crew.until(
      what,
      async () => {
        const task = await crew.client.workflow.getHandle(victim().id).query<Standing>('tidemark.task')
        const seen = [...(await outputs(run, 'seen')).values()].flat().length
        return task.problem !== null || seen >= feed.records ? task : null
      },
      { every: 300 },
    )
    if (problem !== null) throw new Error(`${what}: ${JSON.stringify(problem)}`)
  }
}

async function differences(): Promise<string[]> {
  const found: string[] = []
  const missing = new Set<string>(RESCALED_OUTPUTS)
  for (const sink of RESCALED_SINKS) {
    const [wanted, lines] = await Promise.all([outputs('golden', sink), outputs('disturbed', sink)])
    for (const of of new Set([...wanted.keys(), ...lines.keys()])) {
      const [output = ''] = of.split(' ')
      missing.delete(output)
      const asSet = (all: readonly string[] = []) => (UNORDERED.includes(output) ? all.toSorted() : all)
      found.push(...firstDifference(of, asSet(wanted.get(of)), asSet(lines.get(of))))
    }
  }
  // A golden run that wrote nothing would be equal to anything that does nothing.
  return [...found, ...[...missing].map((output) => `${output}: nothing was written`)]
}

/** How often an epoch of the killed task's was lost, and how often its ledgers were ahead of history then. */
async function hits(): Promise<{ readonly lost: number; readonly ahead: number }> {
  const { activities } = await taskPast(crew.client, victim().id)
  const lost = activities.filter(({ type, outcome }) => type === 'tidemark.runEpoch' && outcome === 'timed out')
  const ahead = activities.filter(({ type, result }) => type === 'tidemark.claim' && Boolean(result['furthest']))
  return { lost: lost.length, ahead: ahead.length }
}

it(
  'every step with state goes on in fewer partitions as if there had never been others',
  { timeout: 480_000 },
  async () => {
    await feed.send(200)
    await addWorkers('disturbed', 3, disturbed(BEFORE))
    const run = await pipelines.start(names.disturbed, { taskQueue: queueOf('disturbed', disturbed(BEFORE)) })
    await pipelines.start(names.golden, { taskQueue: queueOf('golden', golden) })
    feed.begin()

    let epoch = 0
    for (let fault = 0; fault < FAULTS; fault++) {
      epoch = await killBeyond(epoch, victim(), crew)
      // Enough for all three to be somebody else.
      if (fault === 0) await addWorkers('disturbed', 1, disturbed(BEFORE))
      if (fault === 1) await addWorkers('golden', 1, golden)
    }
    await addWorkers('disturbed', 3, disturbed(AFTER))
    await pipelines.get(names.disturbed).savepoint('midway', { stop: true })
    expect(await run.result()).toMatchObject({ state: 'completed' })
    const before = await hits()

    const taskQueue = queueOf('disturbed', disturbed(AFTER))
    await pipelines.rewind(names.disturbed, { to: { savepoint: 'midway' }, taskQueue })
    const saved = await crew.until('the second stage to go on', async () => {
      const { phase, checkpoint } = await crew.client.workflow.getHandle(victim().id).query<Standing>('tidemark.task')
      return phase === 'completed' ? 0 : checkpoint.epoch
    })
    await killBeyond(saved, victim(), crew)
    // Records came all the time: neither was anything too late for a run, nor was any at its end.
    await feed.stop()
    await throughAll()
    await feed.end()
    await throughAll()
    await Promise.all([pipelines.get(names.golden).drain(), pipelines.get(names.disturbed).drain()])

    const after = await hits()
    // It was real: each fault lost an epoch, and state was made again behind a checkpoint, for outputs that were there already.
    expect(before.lost).toBeGreaterThanOrEqual(FAULTS)
    expect(after.lost).toBeGreaterThan(0)
    expect(before.ahead + after.ahead).toBeGreaterThan(0)
    expect(await differences()).toEqual([])
  },
)
