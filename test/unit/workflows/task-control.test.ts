import { describe, expect, test } from 'vitest'
import type { TaskControl } from '../../../src/protocol/messages.js'
import type { TaskPhase } from '../../../src/protocol/task.js'
import { hasEnded, mayEnd, obey, park, wantsPause } from '../../../workflows/task-control.js'
import { problem, taskState } from './states.js'

const word = (kind: TaskControl['kind'], more: Partial<TaskControl> = {}): TaskControl => ({
  kind,
  reason: 'because',
  acceptCodeChange: false,
  incarnation: 4,
  ...more,
})

describe('a command', () => {
  test('pause: the task stands, with reason and time', () => {
    expect(obey(taskState(), word('pause'), 99)).toEqual(
      taskState({ phase: 'paused', paused: { reason: 'because', at: 99 } }),
    )
  })

  test('pause is nothing to a task that stands already: its own reason stays', () => {
    const paused = taskState({ phase: 'paused', paused: { reason: 'first', at: 1 } })
    const parked = taskState({ phase: 'parked', problem })
    for (const state of [paused, parked]) expect(obey(state, word('pause'), 99)).toBe(state)
  })

  test('resume: the task runs, and nothing of what held it is left', () => {
    const parked = taskState({ phase: 'parked', problem, trouble: problem, fencedByOthers: 3 })
    expect(obey(parked, word('resume', { acceptCodeChange: true }), 99)).toEqual(taskState({ acceptCodeChange: true }))
    const paused = taskState({ phase: 'paused', paused: { reason: 'first', at: 1 } })
    expect(obey(paused, word('resume'), 99)).toEqual(taskState())
  })

  test('trouble: of the claim that is, until its next checkpoint', () => {
    const running = taskState({ session: { queue: 'q', worker: 'w', furthest: null }, claim: 7 })
    const told = word('trouble', { claim: 7, trouble: problem })
    expect(obey(running, told, 99)).toEqual({ ...running, trouble: problem })
    expect(wantsPause(obey(running, told, 99))).toBe(false)
    expect(obey(running, { ...told, claim: 6 }, 99)).toBe(running)
    expect(obey({ ...running, session: null }, told, 99).trouble).toBeNull()
  })

  test('drain and cancel: the task ends as soon as it may', () => {
    expect(obey(taskState(), word('drain'), 99).ending).toBe('drained')
    expect(obey(taskState(), word('cancel'), 99).ending).toBe('cancelled')
  })

  test('stop, of a pipeline that has ended: a parked task has failed', () => {
    // Resumed meanwhile: it goes on to its own end.
    expect(obey(taskState(), word('stop'), 99).ending).toBeNull()
    expect(obey(taskState({ phase: 'parked', problem }), word('stop'), 99).ending).toBe('failed')
  })

  test('of an older start does not count, one of a newer does', () => {
    const state = taskState()
    expect(obey(state, word('pause', { incarnation: 3 }), 99)).toBe(state)
    expect(obey(state, word('pause', { incarnation: 5 }), 99).phase).toBe('paused')
  })

  test('to a task that has ended changes nothing', () => {
    for (const phase of ['drained', 'completed', 'failed', 'cancelled', 'stopped'] as const) {
      const state = taskState({ phase })
      for (const kind of ['pause', 'resume', 'drain', 'cancel', 'stop'] as const) {
        expect(obey(state, word(kind), 99)).toBe(state)
      }
    }
  })
})

describe('parking', () => {
  test('keeps the problem, and the session for its release', () => {
    expect(park(taskState({ trouble: problem }), problem)).toEqual(taskState({ phase: 'parked', problem }))
  })

  test('a task that was to end has failed', () => {
    expect(park(taskState({ ending: 'drained' }), problem)).toMatchObject({ phase: 'failed', problem })
  })
})

test('an epoch ends early for whatever keeps the next from beginning', () => {
  expect(wantsPause(taskState())).toBe(false)
  expect(wantsPause(taskState({ phase: 'paused' }))).toBe(true)
  expect(wantsPause(taskState({ ending: 'cancelled' }))).toBe(true)
})

test('only a drain runs an unfinished epoch to its end first (PROTOCOL 3.9)', () => {
  const scheduled = { epoch: 8, time: 1, seed: 's' }
  expect(mayEnd(taskState())).toBe(false)
  expect(mayEnd(taskState({ ending: 'drained' }))).toBe(true)
  expect(mayEnd(taskState({ ending: 'drained', scheduled }))).toBe(false)
  expect(mayEnd(taskState({ ending: 'cancelled', scheduled }))).toBe(true)
  expect(mayEnd(taskState({ ending: 'stopped', scheduled }))).toBe(true)
})

test('what has ended', () => {
  const open: TaskPhase[] = ['running', 'paused', 'parked']
  const ended: TaskPhase[] = ['drained', 'completed', 'failed', 'cancelled', 'stopped']
  expect(open.map(hasEnded)).toEqual([false, false, false])
  expect(ended.every(hasEnded)).toBe(true)
})
