import { describe, expect, test } from 'vitest'
import { replayTask } from '../../../src/control/task-history.js'
import type { ClaimResult, EpochResult } from '../../../src/protocol/epoch.js'
import { recordClaim, recordEpoch } from '../../../src/protocol/epoch.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import { taskState } from '../workflows/states.js'
import { clientWith, flipping, History } from './history.js'

const claimed: ClaimResult = {
  queue: 'queue-2',
  worker: 'host-2',
  furthest: null,
  ledgers: { files: { seq: 10, digest: 'abc', place: 'here' } },
  identities: {},
}
const ended: EpochResult = {
  epoch: 8,
  positions: { flights: '1234999' },
  ledgers: { files: { seq: 11, digest: 'def' } },
  read: 432,
  written: 10,
  lag: 5,
  commits: 2,
  ended: 'interval',
}
const eighth = { epoch: 8, time: 8_000, seed: 'eight' }
const ninth = { epoch: 9, time: 9_000, seed: 'nine' }
const replay = ({ events }: History) => replayTask(clientWith([]), events)

describe('where a run stopped', () => {
  test('its result, if it ended by itself', async () => {
    const last = taskState({ phase: 'completed' })
    expect(await replay(new History().started(taskState()).other().ended(last))).toEqual(last)
  })

  test('its input, if nothing was recorded since', async () => {
    expect(await replay(new History().started(taskState()).other())).toEqual(taskState())
  })

  test('its input with every recorded claim and epoch applied', async () => {
    const history = new History()
      .started(taskState({ session: null }))
      .scheduled(ACTIVITY.claim, { owner: { claim: 6 } })
      .other()
      .completed(2, claimed)
      .scheduled(ACTIVITY.runEpoch, eighth)
      .completed(1, ended)
    const expected = recordEpoch(recordClaim(taskState({ session: null, claim: 6, scheduled: eighth }), claimed), ended)
    expect(await replay(history)).toEqual(expected)
  })

  test('with the epoch that was scheduled and never recorded, failed ones included', async () => {
    const open = new History().started(taskState()).scheduled(ACTIVITY.runEpoch, eighth)
    expect(await replay(open)).toEqual(taskState({ scheduled: eighth }))
    const failed = open
      .failed(1)
      .scheduled(ACTIVITY.claim, { owner: { claim: 9 } })
      .failed(1)
    expect(await replay(failed)).toEqual(taskState({ scheduled: eighth, claim: 9 }))
    const next = new History()
      .started(taskState())
      .scheduled(ACTIVITY.runEpoch, eighth)
      .completed(1, ended)
      .scheduled(ACTIVITY.runEpoch, ninth)
    expect(await replay(next)).toMatchObject({ scheduled: ninth, checkpoint: { epoch: 8 } })
  })

  test('claims only count up, and other activities not at all', async () => {
    const history = new History()
      .started(taskState({ claim: 12 }))
      .scheduled(ACTIVITY.claim, { owner: { claim: 11 } })
      .scheduled(ACTIVITY.release, { epoch: 77 })
      .completed(1, null)
    expect(await replay(history)).toEqual(taskState({ claim: 12 }))
  })

  test('of nothing is nothing', async () => {
    expect(await replay(new History())).toBeNull()
  })

  test('is read through the codecs of the worker', async () => {
    const history = new History(flipping).started(taskState()).scheduled(ACTIVITY.runEpoch, eighth)
    expect(await replayTask(clientWith([flipping]), history.events)).toEqual(taskState({ scheduled: eighth }))
  })
})
