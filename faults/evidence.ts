import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { taskPast } from '../test/setup/scene/task-past.js'
import type { World } from './world.js'

const ANSWER_MS = 5_000

/** What every task says of itself, and what history says it did last. */
export async function tasksTold(world: World): Promise<string> {
  const told = world.refs.map(async ({ run, partition }) => {
    const past = taskPast(world.client, run.taskId(partition)).then(({ runs, activities }) => ({
      runs,
      newest: activities.slice(-6),
    }))
    const answers = [run.standing(partition), past].map((one) =>
      Promise.race([one.then((found) => JSON.stringify(found)).catch(String), sleep(ANSWER_MS, 'no answer')]),
    )
    const seen = `fed to ${run.fedTo(partition)}, seen to ${run.newest(partition)}`
    return [`${run.taskId(partition)}: ${seen}`, ...(await Promise.all(answers))].join('\n  ')
  })
  const logs = world.crew.all.map((worker) => `--- ${worker.identity}\n${worker.log.split('\n').slice(-30).join('\n')}`)
  return [...(await Promise.all(told)), ...logs].join('\n')
}

/** Writes the histories of all workflows below `directory`, newest run of each. */
export async function keepHistories(world: World, directory: string): Promise<void> {
  const target = join(directory, 'histories')
  await mkdir(target, { recursive: true })
  const ids = world.runs.flatMap((run) => [run.workflowId, ...run.refs.map(({ partition }) => run.taskId(partition))])
  for (const id of ids) {
    const history = await world.client.workflow
      .getHandle(id)
      .fetchHistory()
      .catch((error: unknown) => ({ unreadable: String(error) }))
    await writeFile(join(target, `${id.replaceAll('/', '-')}.json`), JSON.stringify(history))
  }
}
