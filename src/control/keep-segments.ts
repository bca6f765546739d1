import type { Blueprint } from '../definition/blueprint.js'
import type { EngineHost } from '../engine/host.js'
import type { TaskAt } from '../errors/ownership.js'
import { StateCorrupt } from '../errors/state.js'
import type { StateMark } from '../protocol/checkpoint.js'

/**
 * An older checkpoint is to be the newest again: its segments count as young from now on, so that nobody deletes them
 * before the next session names them. Throws `StateCorrupt` where the backend has deleted one already.
 */
export async function keepSegments(
  { namespace, connection }: Pick<EngineHost, 'namespace' | 'connection'>,
  { backend }: Pick<Blueprint, 'backend'>,
  task: TaskAt,
  state: StateMark | undefined,
  signal: AbortSignal,
): Promise<void> {
  const keys = (state?.segments ?? []).flatMap((segment) => ('key' in segment ? [segment.key] : []))
  if (backend === null || keys.length === 0) return
  const { pipeline, stage, partition } = task
  const store = await backend.open({ pipeline, stage, partition, namespace, connection, signal })
  try {
    await store.touch(keys)
    const there = new Set<string>()
    for await (const { key } of store.list()) there.add(key)
    const segment = keys.find((key) => !there.has(key))
    if (segment === undefined) return
    throw new StateCorrupt({
      ...task,
      segment,
      reason: `the state backend (${backend.describe}) no longer has it: it keeps what no newer checkpoint needs for ${backend.retainMs / 1000} s`,
    })
  } finally {
    await store.close()
  }
}
