import { join } from 'node:path'
import { ContenderProcess } from './contender-process.js'
import type { Round, Taken } from './contenders/round.js'
import { count, median, rounded, say } from './figures.js'
import type { BenchOptions } from './options.js'
import { takeOutput } from './outputs.js'
import { tenthOf } from './records.js'
import { onStage } from './stage.js'

const OFTEN_MS = 100
const SELDOM_MS = 600_000

/** The same work with many checkpoints and with one: the difference is what they cost, each with a file made durable. */
export async function checkpoints(options: BenchOptions): Promise<void> {
  await onStage(options, async (arena) => {
    const directory = join(arena.directory, 'tidemark')
    const tidemark = await ContenderProcess.start<Round>(
      'contenders/tidemark',
      { ...arena, directory },
      options.profile,
    )
    const measure = async (checkpointMs: number): Promise<Required<Taken>> => {
      const taken = await tidemark.run({ mode: 'raw', checkpointMs })
      const { lines } = await takeOutput(join(directory, 'raw'))
      if (lines !== tenthOf(arena.records)) throw new Error(`${tenthOf(arena.records)} lines were due, not ${lines}`)
      if (taken.history === undefined) throw new Error('tidemark told nothing of its history')
      return { ...taken, history: taken.history }
    }
    try {
      const costs: Record<'ms' | 'cpuMs' | 'events' | 'bytes', number>[] = []
      for (let round = 0; round <= options.rounds; round++) {
        const seldom = await measure(SELDOM_MS)
        const often = await measure(OFTEN_MS)
        const more = often.history.checkpoints - seldom.history.checkpoints
        const per = (of: (taken: Required<Taken>) => number): number => (of(often) - of(seldom)) / more
        const cost = {
          ms: per((taken) => taken.ms),
          cpuMs: per((taken) => taken.cpuMs),
          events: per(({ history }) => history.events),
          bytes: per(({ history }) => history.bytes),
        }
        say(
          `${round === 0 ? 'warm-up' : `round ${round}`} ${count(often.ms)} ms with ${often.history.checkpoints} checkpoints, ${count(seldom.ms)} ms with ${seldom.history.checkpoints}`,
        )
        if (round > 0) costs.push(cost)
      }
      const typical = (of: 'ms' | 'cpuMs' | 'events' | 'bytes', digits: number): number =>
        rounded(median(costs.map((cost) => cost[of])), digits)
      const cost = {
        ms: typical('ms', 1),
        cpuMs: typical('cpuMs', 1),
        events: typical('events', 2),
        bytes: typical('bytes', 0),
      }
      say(
        `per checkpoint ${cost.ms} ms, ${cost.cpuMs} ms of CPU, ${cost.events} history events, ${count(cost.bytes)} bytes of history`,
      )
      if (options.json) say(JSON.stringify({ benchmark: 'checkpoints', records: arena.records, perCheckpoint: cost }))
    } finally {
      await tidemark.stop()
    }
  })
}
