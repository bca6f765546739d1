import type { PipelineListing } from '../../client/list-pipelines.js'
import type { Colors } from '../terminal.js'
import { ago, count } from './numbers.js'
import { painted } from './state.js'
import { type Column, table } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'PIPELINE' },
  { title: 'STATE' },
  { title: 'GUARANTEE' },
  { title: 'TASKS', align: 'right' },
  { title: 'RUN BEGAN' },
  { title: 'ENDED' },
  { title: 'QUEUE' },
  { title: 'NOTE' },
]

export function listView(pipelines: readonly PipelineListing[], colors: Colors, now: number): string {
  const rows = pipelines.map(({ name, state, guarantee, tasks, startedAt, endedAt, taskQueue, paused, problem }) => [
    name,
    painted(state, colors),
    guarantee ?? '',
    count(tasks),
    ago(startedAt, now),
    endedAt === null ? '' : ago(endedAt, now),
    taskQueue,
    problem !== null ? `${problem.code}: ${problem.message}` : (paused?.reason ?? ''),
  ])
  return table(COLUMNS, rows)
}
