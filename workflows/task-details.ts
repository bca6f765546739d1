import type { StateMark } from '../src/protocol/checkpoint.js'
import type { TaskReport, TaskState } from '../src/protocol/task.js'

const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
const count = (n: number): string => grouped(String(n))
/** Positions of sources of users' own may be anything. */
const offset = (position: string | undefined): string =>
  position === undefined ? '–' : /^\d+$/.test(position) ? grouped(position) : cell(position)

/** `epoch 42 from 86,656 · before: 12,345 records`: fixed when scheduled, so it tells of the epoch before. */
export function epochSummary(state: TaskState, epoch: number, readBefore: number | null): string {
  const from = Object.values(state.checkpoint.positions).map(offset).join(', ')
  return `epoch ${epoch} from ${from}${readBefore === null ? '' : ` · before: ${count(readBefore)} records`}`
}

/** What the Web UI shows of a task under "current details". */
export function taskDetails(state: TaskState): string {
  const { checkpoint, counters, problem, paused } = state
  const rows: (readonly [string, string])[] = [
    ['state', paused === null ? state.phase : `${state.phase}: ${cell(paused.reason)}`],
    ...(state.trouble === null ? [] : [['trouble', `${state.trouble.code}: ${cell(state.trouble.message)}`] as const]),
    [
      'next to read',
      Object.entries(checkpoint.positions)
        .map(([source, at]) => `${source} ${offset(at)}`)
        .join(', '),
    ],
    ...(checkpoint.watermark === undefined
      ? []
      : [['event time', new Date(checkpoint.watermark).toISOString()] as const]),
    ...(checkpoint.state === undefined
      ? []
      : [['keyed state', `${count(stateBytes(checkpoint.state))} bytes`] as const]),
    ['behind', state.lag === null ? '–' : `${count(state.lag)} records`],
    ['read', count(counters.read)],
    ['written', count(counters.written)],
    ...(counters.skipped > 0 ? [['skipped', count(counters.skipped)] as const] : []),
    ...(counters.deadLettered > 0 ? [['dead letters', count(counters.deadLettered)] as const] : []),
    ...(counters.late === undefined ? [] : [['too late', count(counters.late)] as const]),
    ...(state.blocked === null
      ? []
      : [['slow step', `${state.blocked.step} blocked its worker for ${count(state.blocked.ms)} ms`] as const]),
    ['epoch', `${checkpoint.epoch} of generation ${state.generation}`],
    ['worker', state.session === null ? 'none' : cell(state.session.worker)],
  ]
  const table = ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n')
  if (problem === null) return table
  return `**${problem.code}**: ${cell(problem.message)}\n\nWhat next: ${problem.next}\n\n${table}`
}

/** Compressed, as it is kept. */
function stateBytes({ segments }: StateMark): number {
  return segments.reduce(
    (sum, segment) => sum + ('data' in segment ? Math.floor((segment.data.length * 3) / 4) : segment.bytes),
    0,
  )
}

/** What the steps keep is for claims: nobody who asks for status wants that much. */
export function withoutState(state: TaskState): TaskState {
  const { state: _, ...checkpoint } = state.checkpoint
  return { ...state, checkpoint }
}

export function reportOf(state: TaskState): TaskReport {
  return {
    stage: state.stage,
    partition: state.partition,
    incarnation: state.incarnation,
    phase: state.phase,
    worker: state.session?.worker ?? null,
    paused: state.paused,
    problem: state.problem,
    positions: state.checkpoint.positions,
    counters: state.counters,
  }
}

/** Table cells end at a bar or a line break. */
export const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\s+/g, ' ')
export { count, offset }
