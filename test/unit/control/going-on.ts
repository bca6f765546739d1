import { takeOver } from '../../../src/control/take-over.js'
import type { WorkerContext } from '../../../src/control/worker-context.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { NormalInput } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import type { BreakableSink } from '../engine/breakable-sink.js'
import type { LogSource } from '../engine/log-source.js'
import type { Task } from '../engine/task.js'
import { settings } from '../workflows/states.js'

/** One task's state as a start of the pipeline takes it over. */
export async function takenOver(
  context: WorkerContext,
  pipeline: Pipeline,
  input: NormalInput,
  partition = 0,
): Promise<TaskState> {
  const asked = { pipeline: pipeline.name, stage: 'main', partitions: [partition], settings, incarnation: 0 }
  const answer = await takeOver(context, { ...asked, late: false, input }, new AbortController().signal)
  const [task] = answer.tasks
  if (task === undefined) throw new Error('no task')
  return { ...task, incarnation: task.incarnation + 1 }
}

/** As the workflow would go on from `state`, to the log's end; what is written from now on. */
export async function outputsFrom(
  task: Task,
  state: TaskState,
  log: LogSource,
  sink: BreakableSink,
): Promise<readonly unknown[]> {
  const before = sink.values.length
  task.state = state
  await task.claim()
  while (task.position !== String(log.end)) await task.epoch({ checkpointMs: 20 })
  return sink.values.slice(before)
}
