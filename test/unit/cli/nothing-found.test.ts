import { expect, test } from 'vitest'
import { refuseNothing } from '../../../src/cli/nothing-found.js'
import { CommandFailure } from '../../../src/cli/failure.js'

test('epochs of which no task has any are a failure, those that some have are not', () => {
  expect(() => refuseNothing('delays', [{ from: null }, { from: null }])).toThrow(CommandFailure)
  expect(() => refuseNothing('delays', [{ from: null }, { from: null }])).toThrow('no task of delays has such epochs')
  expect(() => refuseNothing('delays', [{ from: null }, { from: 12 }])).not.toThrow()
})
