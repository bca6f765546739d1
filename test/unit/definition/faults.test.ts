import { describe, expect, test } from 'vitest'
import { fileSink } from '../../../src/connectors/file/index.js'
import { kafkaSource } from '../../../src/connectors/kafka/index.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSource } from '../../../src/definition/define-source.js'
import { json } from '../../../src/definition/serdes/index.js'
import { otherwise, type Stream } from '../../../src/definition/stream.js'
import { InvalidDefinition } from '../../../src/errors/definition.js'
import { faultsOf, idempotent, numbers, transactional } from './parts.js'

type S = Stream<number>
type Streams = { readonly numbers: S }
const sink = transactional()
/** A definition without faults, but for what `more` makes of it. */
const options = (more: object): object => ({
  name: 'good',
  sources: { numbers: numbers() },
  steps: ({ numbers: n }: Streams) => n.to('out', sink),
  ...more,
})
const steps = (fn: (n: S) => unknown): object => options({ steps: (streams: Streams) => fn(streams.numbers) })
const odd = (n: number): boolean => n % 2 === 1

test('a definition without faults has none', () => {
  expect(faultsOf(options({}))).toEqual([])
})

const long = 'a'.repeat(65)
const cases: readonly (readonly [title: string, options: unknown, path: string, message: RegExp])[] = [
  ['no options', undefined, '', /must be an object of options/],
  ['no name', options({ name: undefined }), 'name', /must be a text/],
  ['empty name', options({ name: '' }), 'name', /not empty/],
  ['camelCase name', options({ name: 'myPipeline' }), 'name', /kebab-case/],
  ['name with a slash', options({ name: 'a/b' }), 'name', /kebab-case/],
  ['name with a line end', options({ name: 'a\n' }), 'name', /kebab-case/],
  ['long name', options({ name: long }), 'name', /64 characters/],
  ['unknown option', options({ checkpiont: {} }), 'checkpiont', /not an option/],
  ['unknown option of state', options({ state: { max: 1 } }), 'state.max', /not an option/],
  ['bad size', options({ state: { inlineLimit: 'much' } }), 'state.inlineLimit', /no size/],
  [
    'more state than history bears',
    options({ state: { inlineLimit: '2 MiB' } }),
    'state.inlineLimit',
    /from 1024 to 1048576/,
  ],
  ['unknown option of commit', options({ commit: { every: 1 } }), 'commit.every', /not an option/],
  ['unknown option of checkpoint', options({ checkpoint: { max: 1 } }), 'checkpoint.max', /not an option/],
  ['commit that is no object', options({ commit: '1s' }), 'commit', /must be an object/],
  ['bad duration', options({ commit: { interval: 'five' } }), 'commit.interval', /no duration/],
  ['negative duration', options({ commit: { interval: -1 } }), 'commit.interval', /no duration/],
  ['commits too often', options({ commit: { interval: '49ms' } }), 'commit.interval', /at least 50 ms/],
  ['checkpoints too often', options({ checkpoint: { interval: 99 } }), 'checkpoint.interval', /at least 100 ms/],
  ['checkpoints too seldom', options({ checkpoint: { interval: '11m' } }), 'checkpoint.interval', /at most 600000 ms/],
  ['a hasty time-out', options({ checkpoint: { timeout: 99 } }), 'checkpoint.timeout', /at least 100 ms/],
  ['too long a pause', options({ checkpoint: { minPause: '11m' } }), 'checkpoint.minPause', /at most 600000 ms/],
  [
    'a part of a failure',
    options({ checkpoint: { tolerableFailures: 0.5 } }),
    'checkpoint.tolerableFailures',
    /whole number/,
  ],
  [
    'less than no failure',
    options({ checkpoint: { tolerableFailures: -1 } }),
    'checkpoint.tolerableFailures',
    /0 or more, or null/,
  ],
  ['adaptive', options({ checkpoint: { interval: 'adaptive' } }), 'checkpoint.interval', /no duration/],
  ['bad onError', options({ onError: 'ignore' }), 'onError', /'fail', 'skip' or deadLetter/],
  ['dead letters to no sink', options({ onError: deadLetter({} as never) }), 'onError.sink', /is no sink/],
  [
    'unknown option of deadLetter',
    options({ onError: deadLetter(sink, { whne: odd } as object) }),
    'onError.whne',
    /not an option/,
  ],
  [
    'when that is no function',
    options({ onError: deadLetter(sink, { when: 1 } as never) }),
    'onError.when',
    /function/,
  ],
  [
    'a fault of the dead-letter sink',
    options({ onError: deadLetter(fileSink({ directory: '' })) }),
    'onError.sink.directory',
    /must be a path/,
  ],
  ['no sources', options({ sources: undefined }), 'sources', /must be an object/],
  ['empty sources', options({ sources: {} }), 'sources', /has no source/],
  ['a source that is none', options({ sources: { numbers: {} } }), 'sources.numbers', /is no source/],
  ['a source that is null', options({ sources: { numbers: null } }), 'sources.numbers', /is no source/],
  [
    'a source without open',
    options({ sources: { numbers: numbers({ open: undefined as never }) } }),
    'sources.numbers.open',
    /must be a function/,
  ],
  [
    'a fault of a source factory',
    options({ sources: { numbers: numbers({ faults: [{ path: 'topic', message: 'must not be empty', got: '' }] }) } }),
    'sources.numbers.topic',
    /must not be empty/,
  ],
  [
    'a fault of a Kafka source',
    options({ sources: { numbers: kafkaSource({ topic: '', value: json() }) } }),
    'sources.numbers.topic',
    /letters, digits/,
  ],
  [
    'bad source name',
    {
      name: 'a',
      sources: { 'not a name': numbers() },
      steps: (s: Record<string, S>) => s['not a name']?.to('o', sink),
    },
    'sources.not a name',
    /kebab-case or camelCase/,
  ],
  [
    'a source that is not used',
    options({ sources: { numbers: numbers(), idle: numbers() } }),
    'sources.idle',
    /is not used/,
  ],
  ['steps that are no function', options({ steps: {} }), 'steps', /must be a function/],
  [
    'steps that throw',
    steps(() => {
      throw new RangeError('oh')
    }),
    'steps',
    /threw: oh/,
  ],
  ['steps that return a promise', steps((n) => Promise.resolve(n.to('out', sink))), 'steps', /synchronous/],
  ['steps that reject', steps(() => Promise.reject(new Error('oh'))), 'steps', /synchronous/],
  ['no sink', steps(() => []), 'steps', /has no sink/],
  ['nothing returned', steps((n) => void n.to('out', sink)), 'steps', /must return what \.to/],
  ['a stream returned', steps((n) => [n.to('out', sink), n]), 'steps', /must return what \.to/],
  ['an end not returned', steps((n) => [n.to('a', sink), n.to('b', sink)][0]), 'steps.b', /not among/],
  [
    'an end returned twice',
    steps((n) => {
      const end = n.to('out', sink)
      return [end, end]
    }),
    'steps.out',
    /returned twice/,
  ],
  ['a sink that is none', steps((n) => n.to('out', {} as never)), 'steps.out', /is no sink/],
  [
    'a sink of an unknown mode',
    steps((n) => n.to('out', transactional({ mode: 'eventual' } as never))),
    'steps.out.mode',
    /'transactional' or 'idempotent'/,
  ],
  [
    'a transactional sink without inspect',
    steps((n) => n.to('out', transactional({ inspect: undefined } as never))),
    'steps.out.inspect',
    /must be a function/,
  ],
  [
    'an idempotent sink that does not say whether it dedupes',
    steps((n) => n.to('out', idempotent(undefined as never))),
    'steps.out.dedupes',
    /true or false/,
  ],
  [
    'a fault of a sink factory',
    steps((n) => n.to('out', fileSink({ directory: '' }))),
    'steps.out.directory',
    /must be a path/,
  ],
  [
    'two file sinks in one directory',
    steps((n) => [n.to('a', fileSink({ directory: 'out/x' })), n.to('b', fileSink({ directory: './out/y/../x/' }))]),
    'steps.b',
    /same place as steps\.a \(directory \.\/out/,
  ],
  [
    'dead letters in the directory of a sink',
    options({
      steps: ({ numbers: n }: Streams) => n.to('out', fileSink({ directory: 'out' })),
      onError: deadLetter(fileSink({ directory: 'out' })),
    }),
    'onError.sink',
    /same place as steps\.out/,
  ],
  [
    'two sinks of scopes of their own in one place',
    steps((n) => [
      n.to('a', transactional({ place: 'db', scope: 'a' })),
      n.to('b', transactional({ place: 'db', scope: 'b' })),
    ]),
    'steps.b',
    /same place as steps\.a \(db\)/,
  ],
  [
    'a place that is no text',
    steps((n) => n.to('out', transactional({ place: 1 } as never))),
    'steps.out.place',
    /text/,
  ],
  ['bad step id', steps((n) => n.map('toText', String).to('out', sink)), 'steps.toText', /kebab-case/],
  ['long step id', steps((n) => n.map(long, String).to('out', sink)), `steps.${long}`, /64 characters/],
  ['no step id', steps((n) => n.map(undefined as never, String).to('out', sink)), 'steps', /id of a map step must be/],
  ['bad sink id', steps((n) => n.to('-out', sink)), 'steps.-out', /id of a sink must be kebab-case/],
  [
    'two steps with one id',
    steps((n) => n.map('same', String).filter('same', Boolean).to('out', sink)),
    'steps.same',
    /filter step is taken by a map step/,
  ],
  ['a step named as a source', steps((n) => n.filter('numbers', odd).to('out', sink)), 'steps.numbers', /by a source/],
  ['a sink named as a step', steps((n) => n.filter('out', odd).to('out', sink)), 'steps.out', /by a filter step/],
  ['two sinks with one id', steps((n) => [n.to('o', sink), n.to('o', sink)]), 'steps.o', /by a sink/],
  ['the reserved id', steps((n) => n.to('dead-letters', sink)), 'steps.dead-letters', /reserved/],
  [
    'a stream that ends nowhere',
    steps((n) => {
      n.map('lost', String)
      return n.to('out', sink)
    }),
    'steps.lost',
    /neither used further nor ended/,
  ],
  [
    'a branch that ends nowhere',
    steps((n) => n.branch('parity', { odd, even: otherwise }).odd.to('out', sink)),
    'steps.parity.even',
    /neither used further nor ended/,
  ],
  [
    'a branch without predicates',
    steps((n) => [n.branch('parity', {}), n.to('out', sink)][1]),
    'steps.parity',
    /at least/,
  ],
  [
    'a predicate that is none',
    steps((n) => n.branch('parity', { odd: 1 as never }).odd.to('out', sink)),
    'steps.parity.odd',
    /must be a function/,
  ],
  [
    'a branch behind otherwise',
    steps((n) => {
      const { rest, odds } = n.branch('parity', { rest: otherwise, odds: odd })
      return [rest.to('a', sink), odds.to('b', sink)]
    }),
    'steps.parity.odds',
    /'rest', before it, takes all/,
  ],
  [
    'a bad branch name',
    steps((n) => n.branch('parity', { 'is odd': odd })['is odd'].to('out', sink)),
    'steps.parity.is odd',
    /name of a branch must be/,
  ],
  ['map without function', steps((n) => n.map('m', 1 as never).to('out', sink)), 'steps.m', /needs a function/],
  [
    'filter without function',
    steps((n) => n.filter('f', null as never).to('out', sink)),
    'steps.f',
    /needs a function/,
  ],
  [
    'flatMap without function',
    steps((n) => n.flatMap('f', {} as never).to('out', sink)),
    'steps.f',
    /needs a function/,
  ],
  ['merge of nothing', steps((n) => (n.merge as (id: string) => S)('m').to('out', sink)), 'steps.m', /merges nothing/],
  ['merge of no stream', steps((n) => n.merge('m', {} as S).to('out', sink)), 'steps.m', /no stream/],
]

test.each(cases)('%s', (_, given, path, message) => {
  const faults = faultsOf(given)
  expect(faults.map((fault) => fault.path)).toContain(path)
  expect(faults.find((fault) => fault.path === path)?.message).toMatch(message)
})

test('sinks may share a place within one scope, and have none, or one name for places of two kinds', () => {
  const share = (...of: readonly Parameters<typeof transactional>[0][]): unknown =>
    faultsOf(steps((n) => of.map((more, i) => n.to(`out-${i}`, transactional(more)))))
  expect(share({ place: 'db', scope: 's' }, { place: 'db', scope: 's' })).toEqual([])
  expect(share({}, {})).toEqual([])
  expect(share({ place: 'db', kind: 'rows' }, { place: 'db', kind: 'files' })).toEqual([])
  expect(share({ place: 'a' }, { place: 'b' })).toEqual([])
  expect(share({ place: 'a' }, { place: 'a', scope: 's' })).toHaveLength(1)
})

/** Cases whose one mistake brings others with it. */
const several = new Set([
  'no options',
  'no sink',
  'two sinks with one id',
  'a source that is not used',
  'a branch without predicates',
])
test.each(cases.filter(([title]) => !several.has(title)))('only that: %s', (_, given) => {
  expect(faultsOf(given)).toHaveLength(1)
})

describe('all at once', () => {
  const bad = {
    name: 'Bad',
    sources: { numbers: numbers(), idle: numbers() },
    checkpoint: { interval: 'soon' },
    onError: 'ignore',
    retries: 3,
    steps: ({ numbers: n }: Streams) => {
      n.map('same', String)
      return [n.filter('same', odd).to('out', {} as never), n.to('dead-letters', sink)]
    },
  }
  const error = (() => {
    try {
      definePipeline(bad as never)
    } catch (thrown) {
      return thrown
    }
    return undefined
  })()

  test('every fault is in details', () => {
    expect(faultsOf(bad).map(({ path }) => path)).toEqual([
      'name',
      'checkpoint.interval',
      'retries',
      'steps.same',
      'steps.out',
      'steps.dead-letters',
      'sources.idle',
      'steps.same',
      'onError',
    ])
  })

  test('every fault is a line of the message, with what was found', () => {
    expect(error).toBeInstanceOf(InvalidDefinition)
    const lines = (error as Error).message.split('\n')
    expect(lines[0]).toBe("pipeline 'Bad' is not valid:")
    expect(lines).toHaveLength(1 + faultsOf(bad).length)
    expect(lines).toContain(`  onError: must be 'fail', 'skip' or deadLetter(sink) (got "ignore")`)
    expect(lines).toContain(
      `  name: must be kebab-case: lower-case letters and digits, words joined by single hyphens, a letter first (got "Bad")`,
    )
  })
})

test('what is found is shown only if it is short and plain', () => {
  expect(faultsOf(options({ name: 7 }))[0]).toHaveProperty('got', 7)
  expect(faultsOf(options({ onError: { password: 'secret' } }))[0]).not.toHaveProperty('got')
  expect(faultsOf(options({ name: 'X'.repeat(1000) }))[0]).not.toHaveProperty('got')
})

test('a stream that outlives its definition says so when it is used', () => {
  let kept: S | undefined
  expect(
    faultsOf(
      steps((n) => {
        kept = n
        return n.to('out', sink)
      }),
    ),
  ).toEqual([])
  expect(() => kept?.map('late', String)).toThrow('after `steps` had returned')
})

test('a stream of another pipeline cannot be merged in', () => {
  const inner: unknown[] = []
  const outer = steps((n) => {
    inner.push(...faultsOf(steps((m) => m.merge('both', n).to('out', sink))))
    return n.to('out', sink)
  })
  expect(faultsOf(outer)).toEqual([])
  expect(inner).toMatchObject([{ path: 'steps.both', message: 'reads a stream of another pipeline' }])
})

test('what is no pipeline has no blueprint', () => {
  for (const wrong of [undefined, null, {}, { name: 'x' }]) {
    expect(() => blueprintOf(wrong as never)).toThrow(InvalidDefinition)
  }
})

test('a factory without types that is given nonsense throws nothing', () => {
  expect(faultsOf(options({ sources: { numbers: defineSource({} as never) } })).map(({ path }) => path)).toEqual([
    'sources.numbers.kind',
    'sources.numbers.replayable',
    'sources.numbers.partitions',
    'sources.numbers.bounds',
    'sources.numbers.open',
    'sources.numbers.decode',
  ])
})
