import { describe, expect, test } from 'vitest'
import type { PipelineCommand, PipelineState, TaskEntry } from '../../../src/protocol/pipeline.js'
import type { TaskPhase } from '../../../src/protocol/task.js'
import {
  absorb,
  command,
  isStuck,
  newPipeline,
  outcomeOf,
  refusalOf,
  withTask,
} from '../../../workflows/pipeline-state.js'
import { reportOf } from '../../../workflows/task-details.js'
import { plan, problem, taskState } from './states.js'

const entry = (partition: number, phase: TaskPhase = 'running', stage = 'main'): TaskEntry => ({
  ...reportOf(taskState({ partition, phase, stage, incarnation: 1 })),
  since: 10,
})

const pipeline = (more: Partial<PipelineState> = {}): PipelineState => ({
  ...newPipeline(plan, 5),
  incarnation: 1,
  phase: 'running',
  tasks: [entry(0), entry(1)],
  ...more,
})

const told = (kind: PipelineCommand['kind'], more: Partial<PipelineCommand> = {}): PipelineCommand => ({
  kind,
  partition: null,
  stage: null,
  reason: 'because',
  acceptCodeChange: false,
  ...more,
})

describe('a report of a task', () => {
  test('takes the place of what was known of it', () => {
    const report = reportOf(taskState({ partition: 1, incarnation: 1, phase: 'parked', problem }))
    const { tasks } = absorb(pipeline(), report, 20)
    expect(tasks).toEqual([entry(0), { ...report, since: 20 }])
  })

  test('of an older start, or of a stranger, does not count', () => {
    const state = pipeline()
    expect(absorb(state, reportOf(taskState({ partition: 1, incarnation: 0 })), 20)).toBe(state)
    expect(absorb(state, reportOf(taskState({ partition: 9, incarnation: 1 })), 20).tasks).toEqual(state.tasks)
    expect(absorb(state, reportOf(taskState({ partition: 1, stage: 'other', incarnation: 1 })), 20).tasks).toEqual(
      state.tasks,
    )
  })
})

test('a new task comes in its place, a started one takes that of its predecessor', () => {
  const state = pipeline({ tasks: [entry(0), entry(2), entry(10)] })
  const { tasks } = withTask(state, taskState({ partition: 3, incarnation: 1 }), 30)
  expect(tasks.map(({ partition }) => partition)).toEqual([0, 2, 3, 10])
  expect(tasks[2]?.since).toBe(30)
  const again = withTask(state, taskState({ partition: 2, phase: 'parked', incarnation: 1 }), 40)
  expect(again.tasks.map(({ partition, phase }) => [partition, phase])).toEqual([
    [0, 'running'],
    [2, 'parked'],
    [10, 'running'],
  ])
  const stages = withTask(state, taskState({ partition: 0, stage: 'a', incarnation: 1 }), 40).tasks
  expect(stages.map(({ stage, partition }) => `${stage}/${partition}`)).toEqual(['a/0', 'main/0', 'main/2', 'main/10'])
})

describe('a command', () => {
  test('for all changes the pipeline, and is passed on to every task that has not ended', () => {
    const state = pipeline({ tasks: [entry(0), entry(1, 'completed'), entry(2, 'parked')] })
    const { state: next, tell, control } = command(state, told('pause'), 50)
    expect(next).toMatchObject({ phase: 'paused', paused: { reason: 'because', at: 50 } })
    expect(tell.map(({ partition }) => partition)).toEqual([0, 2])
    expect(control).toEqual({ kind: 'pause', reason: 'because', acceptCodeChange: false, incarnation: 1 })
  })

  test('for one partition, or one stage, leaves the pipeline as it is', () => {
    const state = pipeline({ tasks: [entry(0), entry(1), entry(1, 'running', 'second')] })
    const one = command(state, told('resume', { partition: 1, acceptCodeChange: true }), 50)
    expect(one.state).toBe(state)
    expect(one.tell.map(({ stage, partition }) => [stage, partition])).toEqual([
      ['main', 1],
      ['second', 1],
    ])
    expect(one.control.acceptCodeChange).toBe(true)
    expect(command(state, told('pause', { stage: 'main', partition: 1 }), 50).tell).toEqual([entry(1)])
  })

  test('resume, drain and cancel leave no pause behind', () => {
    const paused = pipeline({ phase: 'paused', paused: { reason: 'r', at: 1 }, problem })
    expect(command(paused, told('resume'), 50).state).toMatchObject({ phase: 'running', paused: null, problem: null })
    expect(command(paused, told('drain'), 50).state).toMatchObject({ phase: 'draining', paused: null })
    expect(command(paused, told('cancel'), 50).state).toMatchObject({ phase: 'cancelled', paused: null })
  })
})

describe('how it has ended', () => {
  const ended = (...phases: TaskPhase[]) => outcomeOf(pipeline({ tasks: phases.map((phase, n) => entry(n, phase)) }))

  test('not at all while a task goes on, stands or is parked', () => {
    for (const phase of ['running', 'paused', 'parked'] as const) expect(ended('completed', phase)).toBeNull()
  })

  test('completed, also without a task; failed if one has; cancelled if it was', () => {
    expect(ended('completed', 'drained')).toBe('completed')
    expect(ended('completed', 'stopped')).toBe('completed')
    const bounded = { ...plan, input: { ...plan.input, until: 'latest' as const } }
    const half = [entry(0, 'completed'), entry(1, 'stopped')]
    expect(outcomeOf(pipeline({ plan: bounded, tasks: half }))).toBe('failed')
    expect(ended()).toBe('completed')
    expect(ended('completed', 'failed')).toBe('failed')
    const tasks = [entry(0, 'cancelled'), entry(1, 'completed')]
    expect(outcomeOf(pipeline({ phase: 'cancelled', tasks }))).toBe('cancelled')
    expect(outcomeOf(pipeline({ phase: 'cancelled', tasks: [entry(0, 'failed')] }))).toBe('cancelled')
  })
})

test('a bounded run is stuck when nothing but parked tasks is left', () => {
  const bounded = { ...plan, input: { ...plan.input, until: 'latest' as const } }
  const stuck = (phases: readonly TaskPhase[], more: Partial<PipelineState> = {}) =>
    isStuck(pipeline({ plan: bounded, tasks: phases.map((phase, n) => entry(n, phase)), ...more }))
  expect(stuck(['parked', 'completed'])).toBe(true)
  expect(stuck(['parked', 'running'])).toBe(false)
  expect(stuck(['parked', 'paused'])).toBe(false)
  expect(stuck(['completed', 'completed'])).toBe(false)
  expect(stuck([])).toBe(false)
  expect(stuck(['parked'], { phase: 'paused' })).toBe(false)
  expect(stuck(['parked'], { plan })).toBe(false)
})

describe('what can not be commanded', () => {
  test('is what nobody can make out: updates come from anybody', () => {
    for (const given of [undefined, null, 'pause', 7])
      expect(refusalOf(pipeline(), given)).toBe('a command is an object')
    expect(refusalOf(pipeline(), {})).toContain('kind has to be pause, resume or drain')
    expect(refusalOf(pipeline(), { ...told('pause'), kind: 'explode' })).toContain('not "explode"')
    expect(refusalOf(pipeline(), { ...told('pause'), reason: 1 })).toContain('reason has to be a text')
    expect(refusalOf(pipeline(), { ...told('pause'), partition: '1' })).toContain('partition has to be a number')
    expect(refusalOf(pipeline(), { ...told('pause'), partition: 1.5 })).toContain('partition has to be a number')
    expect(refusalOf(pipeline(), { ...told('pause'), stage: 4 })).toContain('stage has to be a name')
    expect(refusalOf(pipeline(), told('cancel'))).toContain('cancel its workflow')
  })

  test('is what has no task', () => {
    expect(refusalOf(pipeline(), told('pause', { partition: 7 }))).toBe('there is no such task: partition 7')
    expect(refusalOf(pipeline(), told('pause', { stage: 'other' }))).toContain("stage 'other'")
    expect(refusalOf(pipeline(), told('pause', { stage: 'main', partition: 1 }))).toBeNull()
  })

  test('is what has ended, if it is named', () => {
    const ended = pipeline({ tasks: [entry(0, 'running'), entry(1, 'cancelled')] })
    expect(refusalOf(ended, told('resume', { partition: 1 }))).toBe('partition 1 has ended as cancelled')
    expect(refusalOf(ended, told('resume', { stage: 'main' }))).toBeNull()
    expect(refusalOf(pipeline({ tasks: [entry(1, 'completed')] }), told('drain'))).toBeNull()
  })

  test('is anything while the pipeline ends', () => {
    for (const phase of ['draining', 'cancelled'] as const) {
      expect(refusalOf(pipeline({ phase }), told('resume'))).toBe(`the pipeline is ${phase}`)
    }
    expect(refusalOf(pipeline({ phase: 'draining' }), told('drain')), 'who asks again waits again').toBeNull()
    expect(refusalOf(pipeline({ phase: 'cancelled' }), told('drain'))).toBe('the pipeline is cancelled')
  })

  test('is to drain a part', () => {
    expect(refusalOf(pipeline(), told('drain', { partition: 1 }))).toBe('drain is for the whole pipeline')
    expect(refusalOf(pipeline(), told('drain'))).toBeNull()
  })

  test('but anything that makes sense may come before the tasks are known', () => {
    expect(refusalOf(null, told('pause', { partition: 7 }))).toBeNull()
    expect(refusalOf(pipeline({ phase: 'starting', tasks: [] }), told('pause'))).toBeNull()
  })
})
