import type { StateAt } from '../../rerun/state-at.js'
import { plain } from '../json.js'
import type { Colors } from '../terminal.js'
import { count } from './numbers.js'
import { table } from './table.js'

/** What a step of one task knew, a line per entry. */
export function stateView(found: StateAt, colors: Colors): string {
  const { stage, partition, step, generation, epoch, recordedAt, entries } = found
  const when = recordedAt === null ? '' : `, ${new Date(recordedAt).toISOString()}`
  const total = found.count === 1 ? '1 entry' : `${count(found.count)} entries`
  const head = `${colors.bold(`${stage}/${partition}`)}  ${step} at ${generation}/${epoch}${when}: ${total}`
  if (entries.length === 0) return head
  const rows = entries.map(({ table: name, key, value }) => [key.join(' · '), name, JSON.stringify(plain(value)) ?? ''])
  const columns = ['KEY', 'TABLE', 'VALUE'].map((title) => ({ title }))
  const lines = [head, table(columns, rows).replace(/^/gm, '  ')]
  const left = found.count - entries.length
  if (left > 0) lines.push(`  and ${count(left)} more`)
  return lines.join('\n')
}
