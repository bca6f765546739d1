import { describe, expect, test } from 'vitest'
import { kafkaSink } from '../../../src/connectors/kafka/index.js'
import type { AsyncOptions } from '../../../src/definition/context.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import type { Sink } from '../../../src/definition/sink.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import { memorySegments } from '../../../src/testing/memory-segments.js'
import { laneSettingsOf } from '../../../src/definition/async-options.js'
import { faultsOf, idempotent, numbers, transactional } from './parts.js'

const withOptions = (...options: readonly unknown[]) =>
  faultsOf({
    name: 'asking',
    sources: { numbers: numbers() },
    steps: ({ numbers: n }: { readonly numbers: { asyncMap(...given: readonly unknown[]): { to: Function } } }) =>
      n.asyncMap('score', async (value: number) => value, ...options).to('out', transactional()),
  })

describe('options', () => {
  test('are optional, each of them', () => {
    const all = {
      concurrency: 1_000,
      timeout: '10m',
      retry: { attempts: 3, initialInterval: 5, maximumInterval: '1s' },
    }
    for (const good of [undefined, {}, { retry: { attempts: 1 } }, { timeout: 1 }, all]) {
      expect(withOptions(good)).toEqual([])
    }
    expect(laneSettingsOf({}, '')).toEqual([
      { concurrency: 16, timeoutMs: 30_000, attempts: 1, initialMs: 100, maximumMs: 5_000 },
      [],
    ])
    expect(laneSettingsOf(all, '')).toEqual([
      { concurrency: 1_000, timeoutMs: 600_000, attempts: 3, initialMs: 5, maximumMs: 1_000 },
      [],
    ])
  })

  test.each([
    [{ concurrency: 0 }, 'steps.score.concurrency', 'must be at least 1'],
    [{ concurrency: 1_001 }, 'steps.score.concurrency', 'must be at most 1000'],
    [{ concurrency: 1.5 }, 'steps.score.concurrency', 'must be a whole number'],
    [{ concurrency: '4' }, 'steps.score.concurrency', 'must be a whole number'],
    [{ timeout: 'soon' }, 'steps.score.timeout', 'is no duration'],
    [{ timeout: 0 }, 'steps.score.timeout', 'must be at least 1 ms'],
    [{ timeout: '1h' }, 'steps.score.timeout', 'must be at most 600000 ms'],
    [{ retry: 3 }, 'steps.score.retry', 'must be an object'],
    [{ retry: {} }, 'steps.score.retry.attempts', 'must be a whole number'],
    [{ retry: { attempts: 0 } }, 'steps.score.retry.attempts', 'must be at least 1'],
    [{ retry: { attempts: 2, initialInterval: 'x' } }, 'steps.score.retry.initialInterval', 'is no duration'],
    [{ retry: { attempts: 2, backoff: 2 } }, 'steps.score.retry.backoff', 'is not an option'],
    [{ timeuot: 5 }, 'steps.score.timeuot', 'is not an option'],
    [5, 'steps.score', 'must be an object of options'],
  ])('%j is told', (options, path, message) => {
    expect(withOptions(options)).toEqual([expect.objectContaining({ path, message: expect.stringContaining(message) })])
  })

  test('a function is needed, too', () => {
    const wrong = faultsOf({
      name: 'asking',
      sources: { numbers: numbers() },
      steps: ({ numbers: n }: { readonly numbers: { asyncMap(...given: readonly unknown[]): { to: Function } } }) =>
        n.asyncMap('score', { concurrency: 0 }, { concurrency: 0 }).to('out', transactional()),
    })
    expect(wrong.map(({ path }) => path)).toEqual(['steps.score', 'steps.score.concurrency'])
  })

  test('decide nothing about results: they are not in the fingerprint', () => {
    const fingerprint = (options: AsyncOptions): string =>
      blueprintOf(
        definePipeline({
          name: 'asking',
          sources: { numbers: numbers() },
          steps: ({ numbers: n }) => n.asyncMap('score', async (value) => value, options).to('out', transactional()),
        }),
      ).fingerprint
    expect(fingerprint({})).toBe(fingerprint({ concurrency: 3, timeout: '1s', retry: { attempts: 9 } }))
  })
})

describe('ledgers', () => {
  const faults = (sinks: readonly Sink<never>[], onError?: PipelineOptions<unknown, unknown>['onError']) =>
    faultsOf({
      name: 'asking',
      ...(onError !== undefined && { onError }),
      sources: { numbers: numbers() },
      steps: ({ numbers: n }: { readonly numbers: { asyncMap: Function; map: Function } }) => {
        const asked = n.map('plain', (value: number) => value).asyncMap('score', async (value: number) => value)
        return sinks.map((sink, index) => asked.to(`out-${index}`, sink))
      },
    })
  const letters = (sink: Sink<unknown>) => deadLetter(sink)
  const scope = 'one'

  test('one is enough, or none', () => {
    expect(faults([transactional()])).toEqual([])
    expect(faults([transactional({ scope }), transactional({ scope })])).toEqual([])
    expect(faults([transactional({ scope })], letters(transactional({ scope })))).toEqual([])
    expect(faults([kafkaSink({ topic: 'a' }), kafkaSink({ topic: 'b' })], letters(kafkaSink({ topic: 'c' })))).toEqual(
      [],
    )
    expect(faults([idempotent(true), idempotent(false)])).toEqual([])
    expect(faults([idempotent(true), transactional()], letters(idempotent(false)))).toEqual([])
    expect(faults([idempotent(true)], letters(transactional()))).toEqual([])
  })

  test('two are a fault of each step that may give them two results, with what to do', () => {
    expect(faults([transactional(), transactional()])).toEqual([
      {
        path: 'steps.score',
        message: expect.stringMatching(/sinks 'out-0', 'out-1' keep more than one ledger.*share/),
      },
    ])
    expect(faults([transactional()], letters(transactional()))).toMatchObject([
      { message: expect.stringContaining("'out-0', 'dead-letters'") },
    ])
    expect(faults([kafkaSink({ topic: 'a' }), kafkaSink({ topic: 'b', cluster: 'other' })])).toHaveLength(1)
  })

  test('but not where a state backend keeps what the calls came to', () => {
    const two = (state?: { readonly backend: StateBackend }) =>
      faultsOf({
        name: 'asking',
        ...(state !== undefined && { state }),
        sources: { numbers: numbers() },
        steps: ({ numbers: n }: { readonly numbers: { asyncMap: Function } }) => {
          const asked = n.asyncMap('score', async (value: number) => value)
          return [asked.to('a', transactional()), asked.to('b', transactional())]
        },
      })
    expect(two()).toEqual([expect.objectContaining({ message: expect.stringContaining('state: { backend }') })])
    expect(two({ backend: memorySegments() })).toEqual([])
  })

  test('are told with all other faults', () => {
    const wrong = faultsOf({
      name: 'Wrong Name',
      sources: { numbers: numbers() },
      steps: ({ numbers: n }: { readonly numbers: { asyncMap: Function; map: Function } }) => [
        n.asyncMap('score', async (value: number) => value, { timeout: 'x' }).to('a', transactional()),
        n.map('plain', 5).to('b', transactional()),
      ],
    })
    expect(wrong.map(({ path }) => path)).toEqual(['name', 'steps.score.timeout', 'steps.plain', 'steps.score'])
  })

  test('are no matter where every step is deterministic', () => {
    const pipeline = definePipeline({
      name: 'plain',
      sources: { numbers: numbers() },
      steps: ({ numbers: n }) => [n.to('a', transactional()), n.to('b', transactional())],
    })
    expect(blueprintOf(pipeline).guarantee.value).toBe('exactly-once')
  })
})
