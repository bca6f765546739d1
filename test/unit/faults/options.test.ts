import { expect, it } from 'vitest'
import { optionsFrom } from '../../../faults/options.js'

it('keeps no state unless it is asked to', () => {
  expect(optionsFrom([])).toMatchObject({ sink: 'file', state: 'none' })
  expect(optionsFrom(['--sink', 'postgres', '--state', 's3'])).toMatchObject({ sink: 'postgres', state: 's3' })
})

it.each([
  [['--state', 'disk'], '--state must be one of none, inline, s3, got disk'],
  [['--sink', 's3', '--state', 's3'], '--state s3 needs another --sink than s3'],
])('refuses %j', (args, message) => {
  expect(() => optionsFrom(args)).toThrow(message)
})
