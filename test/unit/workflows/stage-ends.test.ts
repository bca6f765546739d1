import { describe, expect, test } from 'vitest'
import type { PipelinePlan, PipelineState } from '../../../src/protocol/pipeline.js'
import type { TaskPhase } from '../../../src/protocol/task.js'
import { command, isStuck, newPipeline, outcomeOf, withTask } from '../../../workflows/pipeline-state.js'
import { endOf, stageToEnd, waits, withEnd, withEnds, wordOf } from '../../../workflows/stage-ends.js'
import { obey, park } from '../../../workflows/task-control.js'
import { plan, problem, taskState } from './states.js'

const [main] = plan.stages
if (main === undefined) throw new Error('no stage')
const chain: PipelinePlan = {
  ...plan,
  input: { ...plan.input, until: 'latest' },
  stages: [main, { ...main, id: 'by-airport', after: ['main'] }, { ...main, id: 'by-day', after: ['by-airport'] }],
}

/** Two tasks of each stage, in these phases. */
function running(phases: Readonly<Record<string, readonly [TaskPhase, TaskPhase]>>, of = chain): PipelineState {
  let state: PipelineState = { ...newPipeline(of, 0), phase: 'running', incarnation: 4 }
  for (const [stage, both] of Object.entries(phases))
    for (const [partition, phase] of both.entries()) state = withTask(state, taskState({ stage, partition, phase }), 0)
  return state
}

const run = ['running', 'running'] as const
const done = ['completed', 'completed'] as const

describe('a bounded run', () => {
  test('ends stage by stage', () => {
    const first = running({ main: ['running', 'completed'], 'by-airport': run, 'by-day': run })
    expect(stageToEnd(first)).toBeNull()
    const second = running({ main: done, 'by-airport': run, 'by-day': run })
    expect(stageToEnd(second)).toBe('by-airport')
    const told = withEnds(second, 'by-airport', [{ a: '5' }, { a: '0' }])
    expect(stageToEnd(told)).toBeNull()
    expect(endOf(told, { stage: 'by-airport', partition: 1 })).toEqual({ a: '0' })
    expect(endOf(told, { stage: 'by-day', partition: 1 })).toBeNull()
    const third = { ...running({ main: done, 'by-airport': done, 'by-day': run }), ends: told.ends ?? {} }
    expect(stageToEnd(third)).toBe('by-day')
    expect(outcomeOf(third)).toBeNull()
    expect(outcomeOf(running({ main: done, 'by-airport': done, 'by-day': done }))).toBe('completed')
  })

  test('whose first stage is parked is over for that one; the next goes on to what was written', () => {
    const parked = running({ main: ['parked', 'completed'], 'by-airport': run, 'by-day': run })
    expect(isStuck(parked)).toBe(true)
    expect(isStuck(running({ main: ['parked', 'running'], 'by-airport': run, 'by-day': run }))).toBe(false)
    const failed = running({ main: ['failed', 'completed'], 'by-airport': run, 'by-day': run })
    expect([isStuck(failed), stageToEnd(failed)]).toEqual([false, 'by-airport'])
    expect(outcomeOf(running({ main: ['failed', 'completed'], 'by-airport': done, 'by-day': done }))).toBe('failed')
  })

  test('whose later stage is parked waits for the first to end', () => {
    expect(isStuck(running({ main: run, 'by-airport': ['parked', 'parked'], 'by-day': run }))).toBe(false)
    expect(isStuck(running({ main: done, 'by-airport': ['parked', 'completed'], 'by-day': run }))).toBe(true)
  })

  test('waits for tasks that have vanished and will be started again', () => {
    for (const phase of ['stopped', 'cancelled'] as const) {
      const state = running({ main: [phase, 'completed'], 'by-airport': run, 'by-day': run })
      expect([stageToEnd(state), isStuck(state)]).toEqual([null, false])
      expect(isStuck(running({ main: [phase, 'completed'], 'by-airport': ['parked', 'parked'], 'by-day': run }))).toBe(
        false,
      )
    }
  })

  test('that is drained or cancelled ends nothing more', () => {
    const state = running({ main: done, 'by-airport': run, 'by-day': run })
    for (const phase of ['draining', 'cancelled'] as const) expect(stageToEnd({ ...state, phase })).toBeNull()
  })
})

test('a run without an end has none in any stage, and no stage waits', () => {
  const endless = { ...chain, input: plan.input }
  const state = running({ main: done, 'by-airport': run, 'by-day': run }, endless)
  expect([stageToEnd(state), waits(state, 'by-airport')]).toEqual([null, false])
})

test('a task that is told its end ends there', () => {
  const word = { kind: 'until', reason: '', acceptCodeChange: false, incarnation: 4, until: { flights: '9' } } as const
  expect(obey(taskState(), word, 0).until).toEqual({ flights: '9' })
  expect(obey(taskState(), { ...word, incarnation: 3 }, 0).until).toBeNull()
})

test('what is told of its channels is added to what was known of its own sources', () => {
  expect(withEnd({ airports: '3' }, { by: '5' })).toEqual({ airports: '3', by: '5' })
  expect([withEnd(null, { by: '5' }), withEnd({ airports: '3' }, null), withEnd(null, null)]).toEqual([
    { by: '5' },
    { airports: '3' },
    null,
  ])
  const word = { kind: 'until', reason: '', acceptCodeChange: false, incarnation: 4, until: { by: '5' } } as const
  expect(obey(taskState({ until: { airports: '3' } }), word, 0).until).toEqual({ airports: '3', by: '5' })
})

describe('a drain stage by stage', () => {
  const drain = { kind: 'drain', partition: null, stage: null, reason: '', acceptCodeChange: false } as const
  const drained = ['drained', 'drained'] as const
  const endless = { ...chain, input: plan.input }

  test('is told to the first stage, and to each later one when those before it have ended', () => {
    const begun = running({ main: run, 'by-airport': run, 'by-day': run }, endless)
    const { state, tell } = command(begun, { ...drain, aligned: true }, 0)
    expect(state).toMatchObject({ phase: 'draining', stops: {} })
    expect(tell.map(({ stage, partition }) => `${stage}/${partition}`)).toEqual(['main/0', 'main/1'])
    expect(stageToEnd(state)).toBeNull()
    const second = { ...running({ main: drained, 'by-airport': run, 'by-day': run }, endless), phase: state.phase }
    expect(stageToEnd({ ...second, stops: {} })).toBe('by-airport')
    const told = withEnds({ ...second, stops: {} }, 'by-airport', [{ a: '5' }, { a: '0' }])
    expect([stageToEnd(told), endOf(told, { stage: 'by-airport', partition: 0 })]).toEqual([null, { a: '5' }])
    expect(wordOf(told)).toMatchObject({ kind: 'drain', incarnation: 4 })
    const third = { ...running({ main: drained, 'by-airport': drained, 'by-day': run }, endless), phase: state.phase }
    expect(stageToEnd({ ...third, stops: told.stops ?? {} })).toBe('by-day')
    expect(outcomeOf({ ...third, stops: {} })).toBeNull()
    // One that vanished meanwhile is not started again: nobody waits for it.
    const lost = running({ main: ['stopped', 'drained'], 'by-airport': run, 'by-day': run }, endless)
    expect(stageToEnd({ ...lost, phase: 'draining', stops: {} })).toBe('by-airport')
  })

  test('goes beyond the end of a bounded run that a stage was told', () => {
    const bounded = {
      ...running({ main: done, 'by-airport': run, 'by-day': run }),
      ends: { 'by-airport': [{ a: '1' }] },
    }
    const { state } = command(bounded, { ...drain, aligned: true }, 0)
    expect([stageToEnd(bounded), stageToEnd(state)]).toEqual([null, 'by-airport'])
    expect(endOf(state, { stage: 'by-airport', partition: 0 })).toBeNull()
  })

  test('of all at once tells all', () => {
    const { state, tell } = command(running({ main: run, 'by-airport': run, 'by-day': run }, endless), drain, 0)
    expect([state.stops, tell.length]).toEqual([undefined, 6])
  })

  test('has tasks go on to their end that stand still, and end as failed where they cannot', () => {
    const word = { ...wordOf(running({}, endless)), kind: 'drain', until: { flights: '9' } } as const
    expect(obey(taskState(), word, 0)).toMatchObject({ until: { flights: '9' }, stops: true, ending: null })
    const bounded = taskState({ until: { airports: '3' } })
    expect(obey(bounded, word, 0).until).toEqual({ flights: '9', airports: '3' })
    const paused = taskState({ phase: 'paused', paused: { reason: 'x', at: 1 } })
    expect(obey(paused, word, 0)).toMatchObject({ phase: 'running', paused: null, stops: true })
    const parked = obey(taskState({ phase: 'parked', problem }), word, 0)
    expect(parked).toMatchObject({ phase: 'running', problem: null })
    expect(park(parked, problem).phase).toBe('failed')
    const { until: _, ...all } = word
    expect(obey(taskState(), all, 0)).toMatchObject({ until: null, ending: 'drained' })
  })
})
