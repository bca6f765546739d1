import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Seeded } from '../test/simulation/seeded.js'
import { keepHistories, tasksTold } from './evidence.js'
import type { Kind } from './fault.js'
import { allKinds } from './kinds/all.js'
import type { FaultOptions } from './options.js'
import type { RunVerdict } from './pipeline-run.js'
import { isGood, type Report, reportOf, total } from './report.js'
import { schedule } from './schedule.js'
import { startServers } from './servers.js'
import { openSink } from './sinks/open.js'
import { openState } from './state/state.js'
import { World } from './world.js'

export type RunOptions = Omit<FaultOptions, 'json'>

/** One run: servers, pipelines and workers of its own, faults, judgement. What it leaves is what shows a failure. */
export async function runFaults(options: RunOptions, say: (line: string) => void): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-faults-'))
  const servers = await startServers(say)
  const keeps = options.state !== 'none'
  const sink = await openSink(options.sink, { servers, directory, keeps, onProgress: say })
  const state = await openState(options.state, options.store === 'disk' ? join(directory, 'values') : undefined)
  const world = await World.prepare({ servers, sink, state, directory, perSecond: options.perSecond })
  const tally = {
    byKind: new Map<string, number>(),
    missed: new Map<string, number>(),
    recoveryMs: new Array<number>(),
  }
  const problems: string[] = []
  const verdicts: RunVerdict[] = []
  try {
    try {
      await world.begin()
      say('everything flows: faults begin')
      await letFaultsHit(options, world, tally, say)
      say('faults are over: everything is to be processed')
      problems.push(...(await world.finish()))
      for (const run of world.runs) verdicts.push(await run.judge())
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
    const report = reportOf(options, tally, verdicts, problems)
    if (isGood(report)) await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    else {
      say(samples(verdicts))
      say(await tasksTold(world))
      await keepHistories(world, directory)
      say(`output, ledgers, logs and histories are kept in ${directory}`)
    }
    return report
  } finally {
    await world.close()
    await sink.close()
    await state.close()
    await servers.stop()
  }
}

/** So many faults are met before a run is over, if that comes within so many times its length. */
const LEAST = 4
const MOST = 4

async function letFaultsHit(
  options: RunOptions,
  world: World,
  tally: { readonly byKind: Map<string, number>; readonly missed: Map<string, number>; readonly recoveryMs: number[] },
  say: (line: string) => void,
): Promise<void> {
  const began = Date.now()
  const lengthMs = options.minutes * 60_000
  // A busy machine takes long to get over each: some have to be met for the run to show anything.
  const isOver = (): boolean => {
    const tookMs = Date.now() - began
    return tookMs > lengthMs && (total(tally.byKind) >= LEAST || tookMs > MOST * lengthMs)
  }
  for (const { pauseMs, fault } of schedule(new Seeded(options.seed), kindsOf(options, world), world.offer)) {
    await sleep(pauseMs)
    if (isOver()) return
    const { kind, target } = fault
    const at = ((Date.now() - began) / 1_000).toFixed(1)
    const strike = await fault.strike(world)
    const counts = strike === null ? tally.missed : tally.byKind
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    if (strike === null) {
      say(`${at} s: ${kind}, ${target}: met nothing`)
      continue
    }
    const times = await world.recovered(strike)
    await strike.end?.()
    tally.recoveryMs.push(...times)
    say(`${at} s: ${kind}, ${target}: ${times.length} partitions went on after ${Math.max(...times)} ms at most`)
  }
}

function kindsOf({ only }: RunOptions, world: World): Kind[] {
  const kinds = allKinds(world.offer)
  const unknown = only.filter((name) => !kinds.has(name))
  if (unknown.length > 0)
    throw new TypeError(`no such kind: ${unknown.join(', ')}; there are ${[...kinds.keys()].join(', ')}`)
  return [...kinds].filter(([name]) => only.length === 0 || only.includes(name)).map(([, kind]) => kind)
}

/** Some of what is wrong, to look up. */
function samples(verdicts: readonly RunVerdict[]): string {
  const some = verdicts.flatMap(({ final, passing, ledger }, index) => [
    ...Object.entries({ final, passing }).flatMap(([reader, { lost, duplicated, reordered, foreign }]) =>
      Object.entries({ lost, duplicated, reordered, foreign })
        .filter(([, lines]) => lines.length > 0)
        .map(([what, lines]) => `pipeline ${index}, ${reader} reader, ${what}: ${lines.slice(0, 10).join(' ')}`),
    ),
    ...ledger.slice(0, 10),
  ])
  return some.join('\n')
}
