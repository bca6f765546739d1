import { join } from 'node:path'
import { ContenderProcess } from './contender-process.js'
import { type Arena, type Mode, modes, type Round, type Taken } from './contenders/round.js'
import { count, median, rounded, say } from './figures.js'
import type { BenchOptions } from './options.js'
import { type Output, takeOutput } from './outputs.js'
import { RECORD_BYTES, tenthOf } from './records.js'
import { onStage } from './stage.js'

const names = ['tidemark', 'kafkajs'] as const
type Name = (typeof names)[number]
type Times = Record<Name, readonly Taken[]>

/** Tidemark against a bare kafkajs loop: alternating, each in a process of its own, outputs compared after every round. */
export async function consume(options: BenchOptions): Promise<void> {
  await onStage(options, async (arena) => {
    const contenders = await startAll(arena, options.profile)
    try {
      const figures: Partial<Record<Mode, Figures>> = {}
      for (const mode of modes) figures[mode] = await compare(contenders, mode, arena, options.rounds)
      if (!options.json) return
      const { records } = arena
      say(
        JSON.stringify({
          benchmark: 'consume',
          records,
          recordBytes: RECORD_BYTES,
          ...figures,
          ratio: figures.raw?.ratio,
        }),
      )
    } finally {
      await Promise.all(names.map((name) => contenders[name].stop()))
    }
  })
}

type Contenders = Record<Name, ContenderProcess<Round>>

async function startAll(arena: Arena, profile: string | undefined): Promise<Contenders> {
  const directory = (name: Name): Arena => ({ ...arena, directory: join(arena.directory, name) })
  const tidemark = await ContenderProcess.start<Round>('contenders/tidemark', directory('tidemark'), profile)
  try {
    return { tidemark, kafkajs: await ContenderProcess.start<Round>('contenders/kafkajs', directory('kafkajs')) }
  } catch (error) {
    await tidemark.stop()
    throw error
  }
}

interface Figures {
  readonly tidemarkMs: readonly number[]
  readonly kafkajsMs: readonly number[]
  readonly tidemarkCpuMs: readonly number[]
  readonly kafkajsCpuMs: readonly number[]
  /** How many times as fast as kafkajs, by medians. */
  readonly ratio: number
}

async function compare(contenders: Contenders, mode: Mode, arena: Arena, rounds: number): Promise<Figures> {
  const times = { tidemark: [] as Taken[], kafkajs: [] as Taken[] } satisfies Times
  say(`\n${mode === 'raw' ? 'raw bytes' : 'JSON with a zod schema'}, ms (CPU ms)`)
  for (let round = 0; round <= rounds; round++) {
    const outputs: Partial<Record<Name, Output>> = {}
    // Neither is always the one that comes second.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const taken = await contenders[name].run({ mode })
      outputs[name] = await takeOutput(join(arena.directory, name, mode))
      if (round > 0) times[name].push(taken)
      say(
        `  ${round === 0 ? 'warm-up' : `round ${round}`} ${name.padEnd(8)} ${count(taken.ms)} (${count(taken.cpuMs)})`,
      )
    }
    requireEqual(outputs as Record<Name, Output>, arena.records)
  }
  const figures = figuresOf(times)
  for (const name of names) {
    const ms = median(times[name].map((taken) => taken.ms))
    const cpu = median(times[name].map((taken) => taken.cpuMs))
    const speed = count((arena.records / ms) * 1_000)
    say(`  ${name.padEnd(8)} median ${count(ms)} ms, ${speed} records/s, ${rounded(cpu / 1_000, 2)} s of CPU`)
  }
  say(`  ratio    ${figures.ratio}`)
  return figures
}

/** A benchmark of wrong outputs measures nothing. */
function requireEqual({ tidemark, kafkajs }: Record<Name, Output>, records: number): void {
  const expected = tenthOf(records)
  if (tidemark.lines !== expected || kafkajs.lines !== expected) {
    throw new Error(`${expected} lines were due: tidemark wrote ${tidemark.lines}, kafkajs ${kafkajs.lines}`)
  }
  if (tidemark.sha256 !== kafkajs.sha256) throw new Error('tidemark and kafkajs wrote different lines')
}

function figuresOf({ tidemark, kafkajs }: Times): Figures {
  const ms = (taken: readonly Taken[]): number[] => taken.map((one) => rounded(one.ms))
  const cpuMs = (taken: readonly Taken[]): number[] => taken.map((one) => rounded(one.cpuMs))
  return {
    tidemarkMs: ms(tidemark),
    kafkajsMs: ms(kafkajs),
    tidemarkCpuMs: cpuMs(tidemark),
    kafkajsCpuMs: cpuMs(kafkajs),
    ratio: rounded(median(ms(kafkajs)) / median(ms(tidemark)), 3),
  }
}
