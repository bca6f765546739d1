import type { CommitWatch } from './commits.js'
import type { TaskStanding } from './scene.js'
import type { WorkerCrew } from './worker-crew.js'

/** What a task says of itself, its problem too. */
export type Standing = TaskStanding & { readonly problem: unknown }

const EVERY = { every: 10 }
const NOWHERE: Standing = { phase: '', checkpoint: { epoch: 0, positions: {} }, session: null, problem: null }

/**
 * Kills the owner of a task when it has made a checkpoint beyond `epoch`, and gone on: one of its sinks, which `commits`
 * watches, is ahead of that. Returns the checkpoint's epoch. Throws where the task had ended before: the test would show nothing.
 */
export async function killBeyond(
  epoch: number,
  task: { readonly id: string; readonly partition: number; readonly commits: CommitWatch },
  crew: Pick<WorkerCrew<never>, 'client' | 'running' | 'until'>,
): Promise<number> {
  const { id, partition, commits } = task
  const { task: found, owner } = await crew.until(
    `an owner of ${id} with a checkpoint beyond epoch ${epoch}`,
    async () => {
      const handle = crew.client.workflow.getHandle(id)
      const now = await handle.query<Standing>('tidemark.task').catch(() => NOWHERE)
      const holder = crew.running(now.session?.worker)
      const goesOn = now.checkpoint.epoch > epoch && holder !== undefined
      return goesOn || now.phase === 'completed' || now.problem !== null ? { task: now, owner: holder } : null
    },
    EVERY,
  )
  if (found.problem !== null) throw new Error(`the task has a problem: ${JSON.stringify(found.problem)}`)
  if (owner === undefined) throw new Error('the task had ended before the fault: it came too late')
  const reached = found.checkpoint.epoch
  await crew.until('a commit of the epoch after it', () => (commits.newest(partition)?.epoch ?? 0) > reached, EVERY)
  await owner.kill()
  return reached
}
