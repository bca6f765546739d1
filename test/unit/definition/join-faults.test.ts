import { expect, test } from 'vitest'
import { keyedSource } from '../steps/stage-run.js'
import { faultsOf, numbers, transactional } from './parts.js'

/** Types are forgotten: these are what callers without them may write. */
type Loose = Readonly<Record<string, (...args: readonly unknown[]) => Loose>>
const call = (s: Loose | undefined, name: string, ...args: readonly unknown[]): Loose => {
  const made = s?.[name]?.(...args)
  if (made === undefined) throw new Error(`no ${name}`)
  return made
}
const sink = transactional()
const time = (s: Loose | undefined, id: string) => call(s, 'eventTime', id, (v: unknown) => v, { maxDisorder: 0 })

/** A source, split in two, and the two joined. */
const joined = (
  options: unknown,
  parts: { source?: unknown; left?: boolean; right?: boolean; other?: unknown; combine?: unknown } = {},
) => {
  const { source = keyedSource<number>(), left = true, right = true, combine = () => 0 } = parts
  return faultsOf({
    name: 'p',
    sources: { s: source },
    steps: ({ s }: { s: Loose }) => {
      const sides = call(s, 'branch', 'sides', { a: () => true, b: () => true }) as unknown as Record<string, Loose>
      const a = left ? time(sides['a'], 'ta') : sides['a']
      const b = 'other' in parts ? parts.other : right ? time(sides['b'], 'tb') : sides['b']
      const ends = [call(call(a, 'join', 'x', b, options, combine), 'to', 'out', sink)]
      return 'other' in parts ? [...ends, call(sides['b'], 'to', 'rest', sink)] : ends
    },
  })
}

const cases: readonly (readonly [title: string, faults: ReturnType<typeof faultsOf>, path: string, message: RegExp])[] =
  [
    ['without options', joined(undefined), 'steps.x', /object with within/],
    ['without within', joined({}), 'steps.x.within', /no duration/],
    ['bad within', joined({ within: 'five' }), 'steps.x.within', /no duration/],
    ['parts of ms', joined({ within: 0.5 }), 'steps.x.within', /whole milliseconds/],
    ['one end only', joined({ within: { before: 5 } }), 'steps.x.within.after', /no duration/],
    ['a third end', joined({ within: { before: 5, after: 5, around: 5 } }), 'steps.x.within.around', /not an option/],
    ['an unknown kind', joined({ within: 5, how: 'right' }), 'steps.x.how', /'inner', 'left' or 'outer'/],
    ['bad grace', joined({ within: 5, grace: -1 }), 'steps.x.grace', /no duration|at least/],
    ['unknown option', joined({ within: 5, retain: 1 }), 'steps.x.retain', /not an option/],
    ['no function', joined({ within: 5 }, { combine: 'both' }), 'steps.x', /function as its fourth/],
    ['no stream', joined({ within: 5 }, { other: 7 }), 'steps.x', /no stream/],
    ['untimed', joined({ within: 5 }, { left: false }), 'steps.x', /needs event time/],
    ['the other untimed', joined({ within: 5 }, { right: false }), 'steps.x', /stream that needs a key and event time/],
    ['unkeyed', joined({ within: 5 }, { source: numbers() }), 'steps.x', /needs a key/],
  ]

test.each(cases)('%s', (_, faults, path, message) => {
  expect(faults).toContainEqual(expect.objectContaining({ path, message: expect.stringMatching(message) }))
})

test('right joins have no faults', () => {
  expect(joined({ within: '4h' })).toEqual([])
  expect(joined({ within: { before: 0, after: '1h' }, how: 'outer', grace: '1m' })).toEqual([])
})
