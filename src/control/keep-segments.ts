import type { Blueprint } from '../definition/blueprint.js'
import type { SegmentStore, StateBackend } from '../definition/state-backend.js'
import type { EngineHost } from '../engine/host.js'
import type { TaskAt } from '../errors/ownership.js'
import { StateCorrupt } from '../errors/state.js'
import type { StateMark } from '../protocol/checkpoint.js'
import { hashOf } from '../state/blob.js'

export interface Keeping {
  readonly engine: Pick<EngineHost, 'namespace' | 'connection'>
  readonly blueprint: Pick<Blueprint, 'backend'>
  /** Whose the state is to be, or the place of a savepoint. */
  readonly at: TaskAt
  /** Whose it was: another pipeline's, where that is forked; or the place of a savepoint. */
  readonly of: TaskAt
  readonly signal: AbortSignal
}

/**
 * An older checkpoint is to be the newest again: its segments count as young from now on, so that nobody deletes them
 * before the next session names them; those of another place are copied, and count as young meanwhile. Throws `StateCorrupt` where the backend has deleted one.
 */
export async function keepSegments(keeping: Keeping, state: StateMark | undefined): Promise<void> {
  const { blueprint, at, of } = keeping
  const { backend } = blueprint
  const keys = keysOf(state)
  if (backend === null || keys.length === 0) return
  const store = await open(keeping, backend, of)
  try {
    await store.touch(keys)
    if (isSame(at, of)) await requireAll(store, keys, of, backend)
    else await copy(keeping, store, keys, backend)
  } finally {
    await store.close()
  }
}

/**
 * No checkpoint to come is to name them: they count as dropped just now, so that one can go back to `state` for as long as to
 * any other checkpoint.
 */
export async function dropSegments(keeping: Omit<Keeping, 'of'>, state: StateMark | undefined): Promise<void> {
  const keys = keysOf(state)
  if (keys.length > 0) await inPlace(keeping, (store) => store.touch(keys))
}

/** Those of a checkpoint's segments that are not in history. */
export const keysOf = (state: StateMark | undefined): readonly string[] =>
  (state?.segments ?? []).flatMap((segment) => ('key' in segment ? [segment.key] : []))

/** What lies in the place of a savepoint. */
export async function listSegments(keeping: Omit<Keeping, 'of'>): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  await inPlace(keeping, async (store) => {
    for await (const { key } of store.list()) keys.add(key)
  })
  return keys
}

/** It is needed no more. */
export async function removeSegments(keeping: Omit<Keeping, 'of'>): Promise<void> {
  const keys = await listSegments(keeping)
  if (keys.size > 0) await inPlace(keeping, (store) => store.delete([...keys]))
}

/** Nothing, where there is no backend. */
async function inPlace(keeping: Omit<Keeping, 'of'>, work: (store: SegmentStore) => Promise<void>): Promise<void> {
  const { backend } = keeping.blueprint
  if (backend === null) return
  const store = await open(keeping, backend, keeping.at)
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

const isSame = (a: TaskAt, b: TaskAt): boolean =>
  a.pipeline === b.pipeline && a.stage === b.stage && a.partition === b.partition

async function requireAll(
  store: SegmentStore,
  keys: readonly string[],
  task: TaskAt,
  backend: StateBackend,
): Promise<void> {
  const there = new Set<string>()
  for await (const { key } of store.list()) there.add(key)
  const segment = keys.find((key) => !there.has(key))
  if (segment !== undefined) throw gone(task, segment, backend)
}

async function copy(
  keeping: Keeping,
  from: SegmentStore,
  keys: readonly string[],
  backend: StateBackend,
): Promise<void> {
  const to = await open(keeping, backend, keeping.at)
  try {
    const there = new Set<string>()
    for await (const { key } of to.list()) there.add(key)
    await to.touch(keys.filter((key) => there.has(key)))
    for (const key of keys) {
      keeping.signal.throwIfAborted()
      // An activity has its time: of several attempts each gets further. What is spoilt may be why one goes back.
      if (there.has(key) && (await isWhole(to, key))) continue
      const blob = await from.get(key)
      if (blob === null) throw gone(keeping.of, key, backend)
      await to.put(key, blob)
    }
  } finally {
    await to.close()
  }
}

async function isWhole(store: SegmentStore, key: string): Promise<boolean> {
  const bytes = await store.get(key)
  return bytes !== null && hashOf(bytes) === key
}

function open({ engine, signal }: Omit<Keeping, 'of'>, backend: StateBackend, at: TaskAt): Promise<SegmentStore> {
  const { namespace, connection } = engine
  const { pipeline, stage, partition } = at
  return backend.open({ pipeline, stage, partition, namespace, connection, signal })
}

function gone(task: TaskAt, segment: string, { describe, retainMs }: StateBackend): StateCorrupt {
  const reason = `the state backend (${describe}) no longer has it: it keeps what no newer checkpoint needs for ${retainMs / 1000} s`
  return new StateCorrupt({ ...task, segment, reason })
}
