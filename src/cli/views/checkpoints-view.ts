import type { CheckpointInfo } from '../../client/checkpoints.js'
import { ago, bytes, count, position } from './numbers.js'
import { type Column, table } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'TASK' },
  { title: 'EPOCH', align: 'right' },
  { title: 'RECORDED' },
  { title: '' },
  { title: 'NEXT TO READ', align: 'right' },
  { title: 'READ', align: 'right' },
  { title: 'WRITTEN', align: 'right' },
  { title: 'BYTES', align: 'right' },
  { title: 'TOOK', align: 'right' },
  { title: 'STATE', align: 'right' },
  { title: 'ENDED BY' },
  { title: 'DIGEST' },
  { title: 'WORKER' },
]

/** Digests are compared by people at their first digits; --json has all of them. */
const DIGITS = 8

/** A line per checkpoint. `2/45` is epoch 45 of generation 2. */
export function checkpointsView(checkpoints: readonly CheckpointInfo[], now: number): string {
  const rows = checkpoints.map((one) => [
    `${one.stage}/${one.partition}`,
    `${one.generation}/${one.epoch}`,
    new Date(one.recordedAt).toISOString(),
    ago(one.recordedAt, now),
    valuesText(one.positions, position),
    count(one.read),
    count(one.written),
    bytes(one.bytes),
    `${count(one.durationMs)} ms`,
    one.stateBytes === 0 ? '' : bytes(one.stateBytes),
    one.ended,
    valuesText(one.digests, (digest) => digest.slice(0, DIGITS)),
    one.worker ?? '',
  ])
  return table(COLUMNS, rows)
}

/** One value by itself; several with their names. */
function valuesText(values: Readonly<Record<string, string>>, text: (value: string) => string): string {
  const entries = Object.entries(values)
  const [only] = entries
  if (entries.length === 1 && only !== undefined) return text(only[1])
  return entries.map(([name, value]) => `${name} ${text(value)}`).join(', ')
}
