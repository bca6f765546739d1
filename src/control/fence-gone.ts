import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { openOutlets, sinksOf } from '../engine/open-ledgers.js'
import type { TaskState } from '../protocol/task.js'
import type { WorkerContext } from './worker-context.js'

/**
 * A task that the stage no longer has: its ledgers are taken from whoever still holds them, so that no worker which was
 * thought dead commits to them beside the tasks that have its keys now (PROTOCOL §2).
 */
export async function fenceGone(
  { engine }: WorkerContext,
  blueprint: Blueprint,
  stage: Stage,
  { pipeline, partition, generation, incarnation, checkpoint }: TaskState,
  signal: AbortSignal,
): Promise<void> {
  const { positions } = checkpoint
  const claim = {
    pipeline,
    stage: stage.id,
    partition,
    owner: { generation, incarnation, claim: 0, runId: 'gone' },
    origin: positions,
    checkpoint: { epoch: 0, positions, ledgers: {}, identities: {} },
    scheduled: null,
    fingerprint: '',
    isReset: false,
  }
  const { ledgers, emitters } = await openOutlets(engine, blueprint, sinksOf(blueprint, stage), claim, signal)
  await Promise.allSettled([...ledgers, ...emitters].map((outlet) => outlet.close()))
}
