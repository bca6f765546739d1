import { expect, it } from 'vitest'
import { optionsFrom } from '../../../faults/options.js'

it('keeps no state unless it is asked to', () => {
  expect(optionsFrom([])).toMatchObject({ sink: 'file', state: 'none', store: 'memory' })
  expect(optionsFrom(['--sink', 'postgres', '--state', 's3'])).toMatchObject({ sink: 'postgres', state: 's3' })
  expect(optionsFrom(['--sink', 'kafka', '--state', 's3', '--store', 'disk'])).toMatchObject({ store: 'disk' })
})

it.each([
  [['--state', 'disk'], '--state must be one of none, inline, s3, got disk'],
  [['--state', 's3', '--store', 's3'], '--store must be one of memory, disk, got s3'],
  [['--state', 'inline', '--store', 'disk'], '--store disk needs --state s3'],
  [['--sink', 's3', '--state', 's3'], '--state s3 needs another --sink than s3'],
])('refuses %j', (args, message) => {
  expect(() => optionsFrom(args)).toThrow(message)
})
