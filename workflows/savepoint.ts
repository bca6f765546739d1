import { CancellationScope, condition, isCancellation, setHandler, upsertMemo } from '@temporalio/workflow'
import { MEMO } from '../src/protocol/messages.js'
import { ACTIVITY } from '../src/protocol/names.js'
import type { SavedTask, SavepointInput, SavepointMemo } from '../src/protocol/savepoint.js'
import type { TaskState } from '../src/protocol/task.js'
import { control, keep } from './activities.js'
import { asWorkflowFailure } from './failure.js'
import { dropSavepointSignal } from './messages.js'

/** Tasks whose state is copied at once. */
const AT_ONCE = 4

/**
 * A savepoint: open from when it is begun until it is deleted. Its memo says that it is whole. Whatever ends it takes away
 * what it has kept.
 */
export async function tidemarkSavepoint(input: SavepointInput): Promise<void> {
  const scope = new CancellationScope()
  setHandler(dropSavepointSignal, () => scope.cancel())
  let failure: unknown = null
  try {
    await scope.run(async () => {
      const memo = await kept(input)
      upsertMemo({ [MEMO.savepoint]: memo })
      await condition(() => false)
    })
  } catch (error) {
    if (!isCancellation(error)) failure = error
  }
  await CancellationScope.nonCancellable(() => control[ACTIVITY.dropSavepoint](input))
  if (failure !== null) throw asWorkflowFailure(failure)
}

async function kept(input: SavepointInput): Promise<SavepointMemo> {
  const { pipeline, label, atRest } = input
  const tasks: SavedTask[] = []
  for (let at = 0; at < input.tasks.length; at += AT_ONCE) {
    const some = input.tasks.slice(at, at + AT_ONCE)
    const work = some.map((task) => keep[ACTIVITY.keepCheckpoint]({ pipeline, label, atRest, ...task }))
    tasks.push(...(await Promise.all(work)))
  }
  return { pipeline, label, at: Date.now(), tasks }
}

/** Keeps a task's checkpoint for a savepoint, as its input: open, it outlives what the namespace keeps of histories. */
export async function tidemarkSavedTask(_state: TaskState): Promise<void> {
  await condition(() => false)
}
