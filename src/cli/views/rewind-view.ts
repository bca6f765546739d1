import type { RewindPlan, RewoundTask } from '../../client/rewind.js'
import type { Colors } from '../terminal.js'
import { count, plural, position } from './numbers.js'
import { type Column, table } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'TASK' },
  { title: 'BACK TO', align: 'right' },
  { title: 'RECORDED' },
  { title: 'AGAIN FROM', align: 'right' },
  { title: 'TO', align: 'right' },
  { title: 'RECORDS', align: 'right' },
]

/** What a rewind writes again, before it is done. */
export function rewindView({ pipeline, running, tasks, sinks }: RewindPlan, colors: Colors): string {
  const known = tasks.flatMap(({ records }) => (records === null ? [] : [records]))
  const records = known.length === tasks.length ? plural(sum(known), 'record') : 'records'
  const lines = [
    `${colors.bold(pipeline)}: outputs of ${colors.yellow(records)} of ${plural(tasks.length, 'task')} will be written again, in a new generation, to${sinks.length === 0 ? ' all its sinks' : ''}`,
    ...sinks.map(
      ({ id, kind, describe, stage }) =>
        `  ${id}: ${kind === describe ? kind : `${kind}, ${describe}`} (stage ${stage})`,
    ),
    '',
    table(COLUMNS, tasks.map(rowOf)),
    '',
    'What is there stays there, and so does what was committed since the newest checkpoint: it is written again as well.',
  ]
  if (new Set(tasks.map(({ stage }) => stage)).size > 1)
    lines.push('Between its stages there will be new topics; the old ones stay, and nobody reads them any more.')
  if (running) lines.push('The pipeline runs: it is cancelled first, at its next checkpoint.')
  return lines.join('\n')
}

function rowOf({ stage, partition, generation, epoch, recordedAt, from, to, records }: RewoundTask): readonly string[] {
  return [
    `${stage}/${partition}`,
    `${generation}/${epoch}`,
    recordedAt === null ? 'at its beginning' : new Date(recordedAt).toISOString(),
    positions(from),
    positions(to),
    records === null ? '' : count(records),
  ]
}

function positions(all: RewoundTask['from']): string {
  const entries = Object.entries(all)
  const [only] = entries
  if (entries.length === 1 && only !== undefined) return position(only[1])
  return entries.map(([source, at]) => `${source} ${position(at)}`).join(', ')
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
