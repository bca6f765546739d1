import type { PipelineStatus, StatusProblem, TaskStatus } from '../../client/status.js'
import type { Colors } from '../terminal.js'
import { ago, plural } from './numbers.js'

/** Longer lists of tasks say how many they are. */
const NAMED = 6

/** What stands in the way, in lines; what several tasks have in common is said once. */
export function notesOf(status: PipelineStatus, colors: Colors, now: number): string[] {
  const { paused, waiting, problem, workers, tasks, taskQueue, endedAt } = status
  const nobody = endedAt === null && workers.length === 0
  const whole = paused === null ? null : pauseNote(paused, now)
  return [
    ...(nobody ? [colors.yellow(`no worker polls task queue '${taskQueue}'`)] : []),
    ...(whole === null ? [] : [colors.yellow(`paused ${whole}`)]),
    ...(waiting === null || nobody ? [] : [colors.yellow(`waits ${waiting}`)]),
    ...(problem === null || isTasksOwn(problem, tasks) ? [] : problemNote('', problem, colors)),
    ...together(tasks, (task) => (task.paused === null ? null : `paused ${pauseNote(task.paused, now)}`))
      .filter(([, note]) => note !== `paused ${whole}`)
      .map(([who, note]) => colors.yellow(`${who} ${note}`)),
    ...together(tasks, (task) => task.waiting)
      // A queue without workers has been told of.
      .filter(([, note]) => !nobody || note.includes('attempt'))
      .map(([who, note]) => colors.yellow(`${who} waiting ${note}`)),
    ...tasks.flatMap((task) => (task.problem === null ? [] : problemNote(`${nameOf(task)} `, task.problem, colors))),
  ]
}

/** A pipeline that failed with its tasks says no more than they do. */
function isTasksOwn(problem: StatusProblem, tasks: readonly TaskStatus[]): boolean {
  return tasks.some((task) => task.problem?.code === problem.code && problem.message.includes(task.problem.message))
}

/** Tasks with the same note, as `[names, note]`, in the order they come. */
function together(
  tasks: readonly TaskStatus[],
  noteOf: (task: TaskStatus) => string | null,
): (readonly [string, string])[] {
  const byNote = new Map<string, TaskStatus[]>()
  for (const task of tasks) {
    const note = noteOf(task)
    if (note !== null) byNote.set(note, [...(byNote.get(note) ?? []), task])
  }
  return [...byNote].map(([note, of]) => [
    of.length > NAMED ? plural(of.length, 'task') : of.map(nameOf).join(', '),
    note,
  ])
}

const nameOf = ({ stage, partition }: TaskStatus): string => `${stage}/${partition}`

const pauseNote = ({ reason, at }: { reason: string; at: number }, now: number): string => `${ago(at, now)}: ${reason}`

function problemNote(whose: string, { code, message, next }: StatusProblem, colors: Colors): string[] {
  return [`${colors.red(`${whose}${code}`)}: ${message}`, `  next: ${next}`]
}
