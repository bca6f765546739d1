import type { PipelineStatus, TaskStatus } from '../../client/status.js'
import type { Colors } from '../terminal.js'
import { notesOf } from './notes.js'
import { ago, count, plural, position } from './numbers.js'
import { painted } from './state.js'
import { type Column, table } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'TASK' },
  { title: 'STATE' },
  { title: 'NEXT TO READ', align: 'right' },
  { title: 'BEHIND', align: 'right' },
  { title: 'READ', align: 'right' },
  { title: 'WRITTEN', align: 'right' },
  { title: 'SKIPPED', align: 'right' },
  { title: 'DEAD LETTERS', align: 'right' },
  { title: 'TOO LATE', align: 'right' },
  { title: 'CHECKPOINT' },
  { title: 'WORKER' },
]

/** A pipeline's status as a person reads it at a glance. */
export function statusView(status: PipelineStatus, colors: Colors, now: number): string {
  const { name, state, guarantee, lag, counters, tasks, incarnation, startedAt, endedAt } = status
  const head = [
    `${colors.bold(name)}  ${painted(state, colors)}`,
    ...(guarantee === null ? [] : [guarantee.value]),
    ...(lag === null ? [] : [`${count(lag)} behind`]),
  ].join(' · ')
  const figures = [
    `${count(counters.read)} read`,
    `${count(counters.written)} written`,
    ...(counters.skipped > 0 ? [`${count(counters.skipped)} skipped`] : []),
    ...(counters.deadLettered > 0 ? [plural(counters.deadLettered, 'dead letter')] : []),
    ...(counters.late === undefined ? [] : [`${count(counters.late)} too late`]),
    plural(tasks.length, 'task'),
    ...(incarnation > 0 ? [`start ${incarnation}`] : []),
    endedAt === null ? `run began ${ago(startedAt, now)}` : `ended ${ago(endedAt, now)}`,
  ].join(' · ')
  const parts = [`${head}\n${figures}`, notesOf(status, colors, now).join('\n'), taskTable(tasks, colors, now)]
  return parts.filter((part) => part !== '').join('\n\n')
}

function taskTable(tasks: readonly TaskStatus[], colors: Colors, now: number): string {
  if (tasks.length === 0) return ''
  const rows = tasks.map(({ stage, partition, state, positions, lag, counters, epoch, recordedAt, worker }) => [
    `${stage}/${partition}`,
    painted(state, colors),
    positionsText(positions),
    lag === null ? '' : count(lag),
    count(counters.read),
    count(counters.written),
    counters.skipped > 0 ? count(counters.skipped) : '',
    counters.deadLettered > 0 ? count(counters.deadLettered) : '',
    counters.late === undefined ? '' : count(counters.late),
    epoch === 0 ? 'none yet' : `epoch ${count(epoch)}${recordedAt === null ? '' : `, ${ago(recordedAt, now)}`}`,
    worker ?? '',
  ])
  return table(COLUMNS, rows)
}

function positionsText(positions: TaskStatus['positions']): string {
  const entries = Object.entries(positions)
  const [only] = entries
  if (entries.length === 1 && only !== undefined) return position(only[1])
  return entries.map(([source, at]) => `${source} ${position(at)}`).join(', ')
}
