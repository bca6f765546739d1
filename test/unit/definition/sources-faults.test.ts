import { expect, test } from 'vitest'
import { faultsOf, numbers, transactional } from './parts.js'
import type { Stream } from '../../../src/definition/stream.js'

const sink = transactional()

/** A pipeline that merges all of its sources. */
const merged = (ids: readonly string[], behind: (s: Stream<number>) => Stream<number> = (s) => s) =>
  faultsOf({
    name: 'p',
    sources: Object.fromEntries(ids.map((id) => [id, numbers()])),
    steps: (streams: Record<string, Stream<number>>) => {
      const [first, second, ...rest] = ids.flatMap((id) => streams[id] ?? [])
      if (first === undefined || second === undefined) throw new Error('two at least')
      return behind(first.merge('all', second, ...rest)).to('out', sink)
    },
  })

test('a pipeline may have several sources', () => {
  expect(merged(['log-b', 'log', 'log2', 'log-v2'])).toEqual([])
})

test('an id must not look like a partition of another', () => {
  expect(merged(['log', 'log-2'])).toEqual([
    expect.objectContaining({ path: 'sources.log-2', message: expect.stringMatching(/can't be told from partitions/) }),
  ])
})

test('no step that is waited for', () => {
  expect(merged(['a', 'b'], (s) => s.asyncMap('ask', async (n) => n))).toEqual([
    expect.objectContaining({ path: 'steps.ask', message: expect.stringMatching(/several sources yet/) }),
  ])
})
