import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ContenderProcess } from './contender-process.js'
import type { Arena, CopyRound, Taken } from './contenders/round.js'
import { COMMITS_MS, copyTarget, createTargets, endOf, requireCopy } from './copy-topics.js'
import { count, median, rounded, say } from './figures.js'
import type { BenchOptions } from './options.js'
import { RECORD_BYTES } from './records.js'
import { onStage } from './stage.js'
import { StreamsProcess } from './streams-process.js'

interface Contender {
  run(round: CopyRound): Promise<Taken>
  stop(): Promise<void>
}

/** How each is started, in the order of the first round. */
const starts: Record<string, (arena: Arena, profile: string | undefined) => Promise<Contender>> = {
  tidemark: (arena, profile) => ContenderProcess.start<CopyRound>('contenders/tidemark-copy', arena, profile),
  kafkajs: (arena) => ContenderProcess.start<CopyRound>('peers/kafkajs-transactions/copy', arena),
  'kafka-streams': (arena) => StreamsProcess.start(arena),
}

/** One topic copied to another, exactly-once: Tidemark alone, or in turns with its peers. Each copy is checked. */
export async function copy(options: BenchOptions): Promise<void> {
  await onStage(options, async (arena) => {
    const names = options.peers ? Object.keys(starts) : ['tidemark']
    await createTargets(
      arena.brokers,
      names.flatMap((name) => COMMITS_MS.map((commitMs) => copyTarget(arena.topic, name, commitMs))),
    )
    const contenders = new Map<string, Contender>()
    try {
      for (const name of names) {
        const directory = join(arena.directory, name)
        await mkdir(directory)
        const contender = await starts[name]?.({ ...arena, directory }, options.profile)
        if (contender !== undefined) contenders.set(name, contender)
      }
      const commits: Record<string, Figures> = {}
      for (const commitMs of COMMITS_MS) commits[commitMs] = await compare(contenders, commitMs, arena, options.rounds)
      if (!options.json) return
      say(JSON.stringify({ benchmark: 'copy', records: arena.records, recordBytes: RECORD_BYTES, commits }))
    } finally {
      await Promise.all([...contenders.values()].map((contender) => contender.stop()))
    }
  })
}

interface Figures {
  /** By contender: milliseconds of each round. */
  readonly ms: Record<string, readonly number[]>
  readonly cpuMs: Record<string, readonly number[]>
  /** By peer: how many times as fast as it Tidemark is, by medians. */
  readonly ratios: Record<string, number>
}

async function compare(
  contenders: ReadonlyMap<string, Contender>,
  commitMs: number,
  { brokers, topic, records }: Arena,
  rounds: number,
): Promise<Figures> {
  const names = [...contenders.keys()]
  const times = new Map(names.map((name) => [name, [] as Taken[]]))
  say(`\ncommit every ${count(commitMs)} ms, ms (CPU ms)`)
  for (let round = 0; round <= rounds; round++) {
    // Nobody always comes after the same one.
    const turn = round % names.length
    for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
      const to = copyTarget(topic, name, commitMs)
      const from = await endOf(brokers, to)
      const taken = await contenders.get(name)?.run({ to, commitMs })
      if (taken === undefined) continue
      await requireCopy(brokers, to, from, records)
      if (round > 0) times.get(name)?.push(taken)
      const label = round === 0 ? 'warm-up' : `round ${round}`
      say(`  ${label} ${name.padEnd(13)} ${count(taken.ms)} (${count(taken.cpuMs)})`)
    }
  }
  return figuresOf(times, records)
}

function figuresOf(times: ReadonlyMap<string, readonly Taken[]>, records: number): Figures {
  const figures = { ms: {} as Record<string, number[]>, cpuMs: {} as Record<string, number[]> }
  const ratios: Record<string, number> = {}
  for (const [name, taken] of times) {
    const ms = (figures.ms[name] = taken.map((one) => rounded(one.ms)))
    const cpuMs = (figures.cpuMs[name] = taken.map((one) => rounded(one.cpuMs)))
    const speed = count((records / median(ms)) * 1_000)
    const cpu = rounded(median(cpuMs) / 1_000, 2)
    say(`  ${name.padEnd(13)} median ${count(median(ms))} ms, ${speed} records/s, ${cpu} s of CPU`)
  }
  for (const [name, ms] of Object.entries(figures.ms)) {
    if (name === 'tidemark') continue
    ratios[name] = rounded(median(ms) / median(figures.ms['tidemark'] ?? []), 3)
    say(`  ratio to ${name}: ${ratios[name]}`)
  }
  return { ...figures, ratios }
}
