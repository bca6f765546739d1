import type { TaskRef } from '../control/recorded-epochs.js'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { EngineHost } from '../engine/host.js'
import { ledgerGroups, ledgerKey, sinksOf } from '../engine/open-ledgers.js'
import type { TaskState } from '../protocol/task.js'

/** Ids of ledgers by what their newest receipt says beside the newest checkpoint. */
export interface Ledgers {
  readonly matching: readonly string[]
  /** Of a newer epoch or generation: the pipeline has gone on meanwhile. */
  readonly ahead: readonly string[]
  /** With another digest, or none at all: not what history has recorded. */
  readonly differing: readonly string[]
}

/** Reads the newest receipt of each ledger, without fencing anybody. */
export async function ledgersDiffering(
  { host, blueprint, stage, task }: { host: EngineHost; blueprint: Blueprint; stage: Stage; task: TaskRef },
  { generation, checkpoint }: TaskState,
): Promise<Ledgers> {
  const ledgers = { matching: [] as string[], ahead: [] as string[], differing: [] as string[] }
  const at = { pipeline: blueprint.name, stage: stage.id, partition: task.partition }
  const { signal } = new AbortController()
  for (const { id, sinks } of ledgerGroups(sinksOf(blueprint, stage))) {
    const mark = checkpoint.ledgers[id]
    if (mark === undefined) continue
    const receipt = await sinks[0]?.sink.inspect({
      ...at,
      ledgerKey: ledgerKey(host.namespace, at, id),
      sinks: sinks.map((sink) => sink.id),
      signal,
      connection: host.connection,
    })
    const wentOn =
      receipt &&
      (receipt.owner.generation > generation ||
        (receipt.owner.generation === generation && (receipt.epoch ?? 0) > checkpoint.epoch))
    const matches = receipt?.owner.generation === generation && receipt.digest === mark.digest
    ledgers[wentOn ? 'ahead' : matches ? 'matching' : 'differing'].push(id)
  }
  return ledgers
}
