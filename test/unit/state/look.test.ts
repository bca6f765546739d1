import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { collect } from '../../../src/definition/aggregators/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { lookAt } from '../../../src/state/look.js'
import { StepStates } from '../../../src/state/step-states.js'
import { transactional } from '../definition/parts.js'
import { StageRun, type Steps } from '../steps/stage-run.js'

test('shows the first entries in the order of their keys, and counts all', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 8 }), (keys, limit) => {
      const states = new StepStates()
      const [one, two] = [states.table<number>('step', 'one'), states.table<number>('step', 'two')]
      states.table<number>('other', 'one').set('strange', 0)
      for (const [index, key] of keys.entries()) (index % 3 === 0 ? two : one).set(key, index)
      const { count, entries } = lookAt(states, { step: 'step', limit })
      expect(count).toBe(keys.length)
      const all = [...one.keys().map((key) => ['one', one.get(key)]), ...two.keys().map((key) => ['two', two.get(key)])]
      expect([...entries].map(({ table, value }) => [table, value])).toEqual(all.slice(0, limit))
    }),
  )
})

/** Keys as tables have them: a byte per character. */
const texts = fc.string({ unit: 'binary' }).map((key) => Buffer.from(key).toString('latin1'))
const bytes = fc.uint8Array({ maxLength: 6 }).map((key) => Buffer.from(key).toString('latin1'))

test('finds every entry by the key that it is shown under', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.oneof(texts, bytes), { maxLength: 8 }), (keys) => {
      const states = new StepStates()
      const table = states.table<number>('step', 'values')
      for (const [index, key] of keys.entries()) table.set(key, index)
      for (const { key, value } of lookAt(states, { step: 'step', limit: keys.length + 1 }).entries) {
        for (const shown of key) {
          const found = [...lookAt(states, { step: 'step', key: shown, limit: keys.length }).entries]
          expect(found.map((entry) => entry.value)).toContain(value)
        }
      }
    }),
  )
})

/** Of every step that keeps more than keys: what it knows of one, by that key. */
const steps: Steps<number> = (s) => {
  const timed = s.eventTime('when', (n) => n, { maxDisorder: 100 })
  const alarm = timed.stateful('alarm', {
    init: () => 0,
    onRecord: (n, _, ctx) => (ctx.timers.atEventTime('cut \ud83d', n + 1_000), []),
    onTimer: (_, ctx) => [ctx.timer.name],
  })
  return [
    alarm.to('names', transactional()),
    timed.window('w', tumbling(10), collect<number>()).to('windows', transactional()),
    timed.join('j', timed, { within: 50 }, (l, r) => l + r).to('pairs', transactional()),
    timed.dedupe('d', { by: (n) => `id ${n}`, within: 50 }).to('once', transactional()),
  ]
}

test.each(['k', 'two words', '5 k', 'zeros \0\0\0', '\0\0\0\u0005', '\0"'])(
  'key %j is found in all tables, and no other',
  (key) => {
    const run = new StageRun<number>(steps)
    run.send(120, { key })
    run.send(130, { key: 'other' })
    run.cut(true)
    const shown = [...Buffer.from(key)].some((byte) => byte < 32) ? Buffer.from(key).toString('hex') : key
    const of = (step: string) =>
      [...lookAt(run.states, { step, key: shown, limit: 9 }).entries].map((entry) => [entry.table, entry.key])
    expect(of('alarm')).toEqual([['event-timers', [shown, expect.stringContaining('cut')]]])
    expect(of('w')).toEqual([['windows', [shown, '120']]])
    expect(of('j')).toEqual(['left', 'right'].map((side) => [side, [shown, expect.stringMatching(/^\d+$/)]]))
    expect([...lookAt(run.states, { step: 'd', key: 'id 120', limit: 9 }).entries]).toMatchObject([{ key: ['id 120'] }])
    run.end()
    expect(run.values('names')).toEqual(['cut \ud83d', 'cut \ud83d'])
  },
)

test('what lies encoded stays so: looking takes no memory', () => {
  const before = new StepStates()
  before.table<number>('step', 'values').set('key', 7)
  const states = new StepStates()
  let decoded = 0
  const codec = {
    encode: () => Buffer.from('7'),
    decode: () => {
      decoded++
      return 7
    },
  }
  const table = states.table<number>('step', 'values', { codec })
  states.restore(before.snapshot())
  for (const times of [1, 2]) {
    expect([...lookAt(states, { step: 'step', limit: 1 }).entries]).toEqual([
      { table: 'values', key: ['key'], value: 7 },
    ])
    expect(decoded).toBe(times)
  }
  expect([table.get('key'), table.get('key')]).toEqual([7, 7])
  expect(decoded).toBe(3)
})
