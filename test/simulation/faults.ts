import { SinkUnavailable } from '../../src/errors/sink.js'
import { SourceUnavailable } from '../../src/errors/source.js'
import { ACTIVITY } from '../../src/protocol/names.js'
import type { Simulation } from './simulation.js'

const place = { pipeline: 'simulated', stage: 'main', partition: 0 }

/** Something fails that leaves a process: before its effect, or after it where it waits there. */
function fail(simulation: Simulation): void {
  const { schedule } = simulation
  const entry = schedule.choose()
  if (entry === undefined) return
  const { label, process } = entry
  const [of = ''] = label.split(' ')
  const isSource = of === 'source'
  if (!isSource && !simulation.isSink(of)) return
  simulation.tell(`! ${process.name}: ${label} fails`)
  schedule.take(entry)
  const sink = { ...place, sink: of, target: of, doing: label }
  entry.fail(
    isSource
      ? new SourceUnavailable({ pipeline: place.pipeline, source: 'numbers', partition: 0 })
      : new SinkUnavailable(sink),
  )
}

function kill(simulation: Simulation): void {
  const worker = simulation.choices.pick(simulation.workers)
  simulation.tell(`! ${worker.name} is killed`)
  simulation.kill(worker)
}

/** The server gives an activity up that goes on, or has not begun: its worker may learn of it, in time or not. */
function timeOut(simulation: Simulation): void {
  const { temporal, choices } = simulation
  const flights = [...temporal.flights].filter(
    ({ command, done }) => !done && (command.type === ACTIVITY.claim || command.type === ACTIVITY.runEpoch),
  )
  if (flights.length === 0) return
  const flight = choices.pick(flights)
  simulation.tell(`! ${flight.name} on ${flight.worker?.name ?? 'nobody'} times out`)
  flight.timeOut('HEARTBEAT')
  if (!choices.chance(0.5)) return
  const learn = async (): Promise<void> => {
    await flight.worker?.step(`${flight.name} is told`)
    flight.abort.abort({ timedOut: true })
  }
  learn().catch(() => undefined)
}

/** A worker that is shut down hands its tasks over, and finishes what it has begun. */
function shutDown(simulation: Simulation): void {
  const worker = simulation.choices.pick(simulation.workers)
  simulation.tell(`! ${worker.name} is shut down`)
  simulation.retire(worker)
}

async function evict(simulation: Simulation): Promise<void> {
  simulation.tell('! the workflow is forgotten')
  await simulation.temporal.evict()
}

function ask(kind: 'pause' | 'drain' | 'cancel') {
  return (simulation: Simulation): void => {
    if (!simulation.pipeline.command(kind)) return
    simulation.tell(`! ${kind}`)
    if (kind === 'pause') simulation.resumeLater()
  }
}

function startAgain(simulation: Simulation): void {
  simulation.tell('! the pipeline is started again')
  simulation.pipeline.start(null)
}

function startFresh(simulation: Simulation): void {
  simulation.startFresh()
}

/** History ends before things that have happened: what the ledgers show then may be a problem, rightly. */
async function reset(simulation: Simulation): Promise<void> {
  const run = simulation.temporal.open
  if (run === undefined || run.length < 2) return
  simulation.tell('! the task is reset')
  simulation.wasReset = true
  await simulation.temporal.reset(1 + simulation.choices.below(run.length - 1))
}

const faults = {
  fail,
  kill,
  timeOut,
  shutDown,
  evict,
  pause: ask('pause'),
  drain: ask('drain'),
  cancel: ask('cancel'),
  startAgain,
  startFresh,
  reset,
} as const satisfies Readonly<Record<string, (simulation: Simulation) => void | Promise<void>>>

export type FaultName = keyof typeof faults

/** What may happen, as often as it is named here. */
export const usualFaults: readonly FaultName[] = [
  ...(['fail', 'fail', 'fail', 'fail', 'kill', 'kill', 'timeOut', 'timeOut', 'timeOut', 'shutDown'] as const),
  ...(['evict', 'pause', 'pause', 'drain', 'cancel', 'startAgain', 'startAgain', 'startFresh', 'reset'] as const),
]

export const happen = (fault: FaultName, simulation: Simulation): void | Promise<void> => faults[fault](simulation)
