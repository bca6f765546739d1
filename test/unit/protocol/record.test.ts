import { describe, expect, test } from 'vitest'
import type { ClaimResult, EpochResult } from '../../../src/protocol/epoch.js'
import { ownerOf, recordClaim, recordEpoch } from '../../../src/protocol/epoch.js'
import { atRest, newTask } from '../../../src/protocol/new-task.js'
import { problem, taskState } from '../workflows/states.js'

const result = (more: Partial<EpochResult> = {}): EpochResult => ({
  epoch: 8,
  positions: { flights: '1234999' },
  ledgers: { files: { seq: 11, digest: 'def' } },
  read: 432,
  written: 10,
  lag: 5,
  commits: 2,
  ended: 'interval',
  ...more,
})

describe("an epoch's result in history", () => {
  test('is the checkpoint from then on, with nothing scheduled', () => {
    const before = taskState({ scheduled: { epoch: 8, time: 1, seed: 's' }, acceptCodeChange: true, fencedByOthers: 2 })
    expect(recordEpoch(before, result())).toEqual(
      taskState({
        checkpoint: {
          epoch: 8,
          positions: { flights: '1234999' },
          ledgers: { files: { seq: 11, digest: 'def', place: 'here' } },
          identities: {},
        },
        counters: { read: 1_234_999, written: 1_010, skipped: 0, deadLettered: 0 },
        lag: 5,
      }),
    )
  })

  test('leaves ledgers alone that have not committed', () => {
    const before = taskState({
      checkpoint: {
        epoch: 7,
        positions: { flights: '1' },
        ledgers: { a: { seq: 3, digest: 'x' }, b: { seq: 4, digest: 'y' } },
        identities: { flights: 'id' },
      },
    })
    const { checkpoint } = recordEpoch(before, result({ ledgers: { b: { seq: 5, digest: 'z' } } }))
    expect(checkpoint.ledgers).toEqual({ a: { seq: 3, digest: 'x' }, b: { seq: 5, digest: 'z' } })
    expect(checkpoint.identities).toEqual({ flights: 'id' })
  })

  test('counts what was skipped and dead-lettered', () => {
    const { counters } = recordEpoch(taskState(), result({ skipped: 3, deadLettered: 4 }))
    expect(counters).toMatchObject({ skipped: 3, deadLettered: 4 })
  })

  test('a worker that goes away has no session to come back to; the others have caught up', () => {
    const furthest = { flights: '9' }
    const session = { queue: 'queue', worker: 'host-1', furthest }
    expect(recordEpoch(taskState({ session }), result({ ended: 'released' })).session).toBeNull()
    expect(recordEpoch(taskState({ session }), result({ ended: 'caught-up' })).session).toEqual({
      ...session,
      furthest: null,
    })
    expect(recordEpoch(taskState({ session: null }), result()).session).toBeNull()
  })

  test('tells of trouble as long as there is any', () => {
    const troubled = recordEpoch(taskState(), result({ trouble: problem }))
    expect(troubled.trouble).toEqual(problem)
    expect(recordEpoch(troubled, result({ epoch: 9 })).trouble).toBeNull()
  })

  test('remembers the slowest step for a while', () => {
    const slow = recordEpoch(taskState(), result({ blocked: { step: 'crunch', ms: 1_500 } }))
    expect(slow.blocked).toEqual({ step: 'crunch', ms: 1_500, epoch: 8 })
    const quicker = recordEpoch(slow, result({ epoch: 9, blocked: { step: 'parse', ms: 1_100 } }))
    expect(quicker.blocked).toEqual({ step: 'crunch', ms: 1_500, epoch: 8 })
    expect(recordEpoch(slow, result({ epoch: 57 })).blocked).not.toBeNull()
    expect(recordEpoch(slow, result({ epoch: 58 })).blocked).toBeNull()
  })
})

describe("a claim's result in history", () => {
  const claimed = (more: Partial<ClaimResult> = {}): ClaimResult => ({
    queue: 'queue-2',
    worker: 'host-2',
    furthest: { flights: '1234600' },
    ledgers: { files: { seq: 12, digest: 'newer', place: 'here' } },
    identities: { flights: 'topic-id' },
    ...more,
  })

  test('is the session; the marks stay those of the checkpoint', () => {
    const state = recordClaim(taskState(), claimed())
    expect(state.session).toEqual({ queue: 'queue-2', worker: 'host-2', furthest: { flights: '1234600' } })
    expect(state.checkpoint).toEqual({ ...taskState().checkpoint, identities: { flights: 'topic-id' } })
  })

  test('teaches the place of a ledger, and a ledger that is new', () => {
    const { checkpoint } = taskState()
    const before = taskState({ checkpoint: { ...checkpoint, ledgers: { files: { seq: 9, digest: 'abc' } } } })
    const ledgers = { files: { seq: 12, digest: 'newer', place: 'here' }, table: { seq: 1, digest: '0', place: 'db' } }
    expect(recordClaim(before, claimed({ ledgers })).checkpoint.ledgers).toEqual({
      files: { seq: 9, digest: 'abc', place: 'here' },
      table: { seq: 1, digest: '0', place: 'db' },
    })
  })

  test('forgets no place that a sink does not name', () => {
    const ledgers = { files: { seq: 12, digest: 'newer' } }
    expect(recordClaim(taskState(), claimed({ ledgers })).checkpoint.ledgers).toEqual(taskState().checkpoint.ledgers)
  })
})

test('an owner is what the state says, of the run that claimed', () => {
  expect(ownerOf(taskState(), 'run')).toEqual({ generation: 2, incarnation: 4, claim: 5, runId: 'run' })
})

describe('a new task', () => {
  const { settings } = taskState()
  const task = newTask({ pipeline: 'p', stage: 'main', partition: 2, settings, origin: { s: '7' } })

  test('stands at its origin, claimed by nobody', () => {
    expect(task).toMatchObject({
      generation: 1,
      incarnation: 0,
      claim: 0,
      checkpoint: { epoch: 0, positions: { s: '7' }, ledgers: {} },
      scheduled: null,
      session: null,
      phase: 'running',
    })
  })

  test('goes through JSON as it is: history holds it', () => {
    expect(JSON.parse(JSON.stringify(task))).toEqual(task)
  })

  test('at rest, nothing is left of whoever held it', () => {
    const held = taskState({ phase: 'parked', problem, trouble: problem, ending: 'drained', fencedByOthers: 2 })
    expect({ ...held, ...atRest }).toEqual({ ...taskState(), ...atRest })
  })
})
