import type { Client } from '@temporalio/client'
import { type EpochRange, recordedEpochs, type RecordedRange, type TaskRef } from '../control/recorded-epochs.js'
import type { RecordedEpoch } from '../control/task-history.js'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { isDeterministic } from '../definition/ledgers.js'
import { planMark, stepMarks } from '../definition/fingerprint.js'
import type { EngineHost } from '../engine/host.js'
import { InvalidCommand } from '../errors/control.js'
import { NonDeterministicStep } from '../errors/sink.js'
import { type Ledgers, ledgersDiffering } from './receipts.js'
import { Rerun } from './rerun.js'
import { firstDifference, Taps } from './taps.js'

/** Which epochs of which task, against which code. */
export interface Verifying {
  readonly client: Client
  readonly host: EngineHost
  readonly blueprint: Blueprint
  readonly stage: Stage
  readonly task: TaskRef
  readonly range: EpochRange
  /** Told now and then of the epoch that matched last. */
  readonly progress?: (epoch: number) => void
}

/** What came out different, and what did it as far as can be told. */
export interface Difference {
  readonly epoch: number
  /** Ledger, or ledgers, whose digest differs. */
  readonly ledger: string
  readonly expected: string
  readonly found: string
  /**
   * `non-deterministic`: executed twice, `step` makes something else of the same · `changed`: `steps` have other code than
   * those that ran then · `plan`: the plan is another · `unknown`: none of these.
   */
  readonly cause: 'non-deterministic' | 'changed' | 'plan' | 'unknown'
  /** Ids of the steps, sinks or sources that are to blame. */
  readonly steps: readonly string[]
}

/** How one task's range came out. */
export interface Verdict extends TaskRef {
  readonly generation: number
  /** Epochs whose digests match; 0: the task hasn't come so far. */
  readonly epochs: number
  readonly from: number | null
  readonly to: number | null
  /** Records that were executed again, as history counts them. */
  readonly records: number
  /** Workflow runs that the epochs were recorded in. */
  readonly runs: number
  /** What ledgers themselves say, where the range goes up to the newest checkpoint; null: it doesn't. */
  readonly ledgers: Ledgers | null
  readonly difference: Difference | null
}

/**
 * Executes recorded epochs once more, muted, from the checkpoint before the first of them, and compares every digest that
 * history has. Nothing is written anywhere, and nobody is fenced. Throws `CheckpointNotFound` where histories are gone,
 * `SourceChanged` where records are, `InvalidCommand` where there is nothing to compare.
 */
export async function verifyTask(verifying: Verifying): Promise<Verdict> {
  const { client, blueprint, stage, task, range } = verifying
  refuseWhatCannotBe(blueprint, stage)
  const recorded = await recordedEpochs(client, blueprint.name, task, range)
  const { epochs, generation, runs } = recorded
  const [first] = epochs
  const nothing = { ...task, generation, epochs: 0, from: null, to: null, records: 0, runs, difference: null }
  if (first === undefined) return { ...nothing, ledgers: null }
  const { matched, difference } = await execute(verifying, first, epochs)
  const counted = epochs.slice(0, matched)
  return {
    ...task,
    generation,
    epochs: matched,
    from: first.result.epoch,
    to: counted.at(-1)?.result.epoch ?? null,
    records: counted.reduce((sum, { result }) => sum + result.read, 0),
    runs,
    ledgers: difference === null ? await ledgersOf(verifying, recorded) : null,
    difference,
  }
}

function refuseWhatCannotBe(blueprint: Blueprint, stage: Stage): void {
  const refuse = (reason: string): never => {
    throw new InvalidCommand({ command: 'verify', pipeline: blueprint.name, reason: `stage '${stage.id}' ${reason}` })
  }
  if (!isDeterministic(stage)) refuse('has a step that is not deterministic: what it gave can not be given again')
  if (stage.sinks.every(({ sink }) => sink.mode !== 'transactional')) refuse('has no sink with a ledger, so no digest')
}

async function execute(
  { host, blueprint, stage, progress }: Verifying,
  first: RecordedEpoch,
  epochs: readonly RecordedEpoch[],
): Promise<{ readonly matched: number; readonly difference: Difference | null }> {
  const rerun = await Rerun.open(host, blueprint, stage, first)
  let matched = 0
  try {
    for (const epoch of epochs) {
      await rerun.epoch(epoch)
      matched++
      progress?.(epoch.result.epoch)
    }
    return { matched, difference: null }
  } catch (error) {
    const epoch = epochs[matched]
    if (!(error instanceof NonDeterministicStep) || epoch === undefined) throw error
    return { matched, difference: await differenceIn(epoch, error, { host, blueprint, stage }) }
  } finally {
    await rerun.close()
  }
}

async function differenceIn(
  epoch: RecordedEpoch,
  { details }: NonDeterministicStep,
  { host, blueprint, stage }: Pick<Verifying, 'host' | 'blueprint' | 'stage'>,
): Promise<Difference> {
  const { sink: ledger, expected, found } = details
  const about = { epoch: epoch.result.epoch, ledger, expected, found }
  const culprit = await differsFromItself(host, blueprint, stage, epoch)
  if (culprit !== null) return { ...about, cause: 'non-deterministic', steps: [culprit] }
  const steps = changedSteps(epoch, stage)
  if (steps.length > 0) return { ...about, cause: 'changed', steps }
  const { plan } = epoch.after.checkpoint
  const same = plan === undefined || plan === planMark(blueprint.fingerprint)
  return { ...about, cause: same ? 'unknown' : 'plan', steps: [] }
}

/** Executes an epoch twice, the second time by another clock: which node makes something else of the same. */
async function differsFromItself(
  host: EngineHost,
  blueprint: Blueprint,
  stage: Stage,
  epoch: RecordedEpoch,
): Promise<string | null> {
  const executed = async (later: boolean): Promise<Taps> => {
    const taps = new Taps(later)
    const rerun = await Rerun.open(host, taps.on(blueprint, stage), stage, epoch)
    try {
      await rerun.epoch(epoch)
    } catch (error) {
      // It differs from what is recorded: that is known.
      if (!(error instanceof NonDeterministicStep)) throw error
    } finally {
      await rerun.close()
    }
    return taps
  }
  const before = await executed(false)
  return firstDifference(before, await executed(true))
}

/** Steps that are not what they were when the epoch ran; gone and new ones are among them. */
function changedSteps({ before }: RecordedEpoch, stage: Stage): readonly string[] {
  const then = before.session?.steps
  if (then === undefined) return []
  const now = stepMarks(stage)
  return [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((id) => now[id] !== then[id])
}

/** The newest receipts beside the newest checkpoint, where that is in the range. */
async function ledgersOf(verifying: Verifying, { epochs, newest, generation }: RecordedRange): Promise<Ledgers | null> {
  const last = epochs.at(-1)
  if (last === undefined || newest === null || newest.generation !== generation) return null
  if (newest.checkpoint.epoch !== last.result.epoch) return null
  return await ledgersDiffering(verifying, newest)
}
