import type { LiveState } from '../../client/live-state.js'
import type { StateAt } from '../../rerun/state-at.js'
import { plainJson } from '../../definition/plain-json.js'
import type { Colors } from '../terminal.js'
import { count, position } from './numbers.js'
import { table } from './table.js'

/** What a step of one task knew, a line per entry. */
export function stateView(found: StateAt, colors: Colors): string {
  const { generation, epoch, recordedAt } = found
  const when = recordedAt === null ? '' : `, ${new Date(recordedAt).toISOString()}`
  return [headOf(found, `${generation}/${epoch}${when}`, colors), ...linesOf(found)].join('\n')
}

/** What a step of one task knows, likewise. */
export function liveStateView(found: LiveState, colors: Colors): string {
  const { stage, partition, step, positions, missing } = found
  if (missing !== null) return `${colors.bold(`${stage}/${partition}`)}  ${step}: ${colors.yellow(missing)}`
  const where = Object.entries(positions ?? {}).map(([source, at]) => `${source} ${position(at)}`)
  return [headOf(found, where.join(', '), colors), ...linesOf(found)].join('\n')
}

type Shown = Pick<StateAt, 'stage' | 'partition' | 'step' | 'count' | 'entries'>

function headOf({ stage, partition, step, count: all }: Shown, at: string, colors: Colors): string {
  const total = all === 1 ? '1 entry' : `${count(all)} entries`
  return `${colors.bold(`${stage}/${partition}`)}  ${step} at ${at}: ${total}`
}

function linesOf({ entries, count: all }: Shown): readonly string[] {
  const rows = entries.map(({ table: name, key, value }) => [
    key.join(' · '),
    name,
    JSON.stringify(plainJson(value)) ?? '',
  ])
  const columns = ['KEY', 'TABLE', 'VALUE'].map((title) => ({ title }))
  const left = all - entries.length
  return [
    ...(rows.length === 0 ? [] : [table(columns, rows).replace(/^/gm, '  ')]),
    ...(left > 0 ? [`  and ${count(left)} more`] : []),
  ]
}
