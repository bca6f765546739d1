import { afterEach, describe, expect, test, vi } from 'vitest'
import type { IdempotentSink, IdempotentWriter } from '../../../src/definition/sink.js'
import { Emitter } from '../../../src/engine/emitter.js'
import { Flow } from '../../../src/engine/flow.js'
import { SinkUnauthorized } from '../../../src/errors/sink.js'

/** How long it has waited between tries, in ms: nobody waits here. */
const waited: number[] = []

vi.mock('node:timers/promises', async (original) => ({
  ...(await original<object>()),
  setTimeout: async (ms: number, _: unknown, options: { readonly signal: AbortSignal }) => {
    options.signal.throwIfAborted()
    waited.push(ms)
  },
}))

const at = { pipeline: 'p', stage: 'main', partition: 0 }
const { signal } = new AbortController()
type Write = IdempotentWriter<unknown>['write']

/** An emitter, what it has written, and what offers it the outputs of one more record. */
function emitterOf(write: (call: number) => ReturnType<Write>, isRetryable?: (error: unknown) => boolean) {
  const written: unknown[][] = []
  const ids: string[][] = []
  const sink: IdempotentSink<unknown, unknown> = {
    kind: 'calls',
    mode: 'idempotent',
    describe: 'https://example.org/hook',
    dedupes: true,
    ...(isRetryable !== undefined && { isRetryable }),
    encode: ({ value }) => value,
    open: () => Promise.reject(new Error('opened')),
  }
  let closed = 0
  const writer: IdempotentWriter<unknown> = {
    write: async (items) => {
      written.push(items.map((item) => item.data))
      ids.push(items.map((item) => item.id))
      return await write(written.length)
    },
    close: async () => void closed++,
  }
  const outlet = { id: 'calls', tag: 0, sink }
  const emitter = new Emitter(outlet, writer, at)
  const flow = new Flow({ ...at, source: 's' }, undefined, () => 'step')
  const push = emitter.pushFor(outlet, new Int32Array(1), 0)
  let position = 0
  const offer = (...values: readonly unknown[]): void => {
    flow.record = { position: String(position), next: String(++position), key: null, value: null }
    for (const value of values) push(value, flow)
    emitter.seal()
  }
  return { emitter, offer, written, ids, closed: () => closed }
}

const allWell = async () => ({ failed: [] })

test('few items that keep much of what was read in memory are written all the same', async () => {
  const { emitter, offer, written } = emitterOf(allWell)
  offer('a')
  emitter.pin(3 * 1024 * 1024)
  await emitter.relieve(signal)
  expect(written).toEqual([])
  offer('b')
  emitter.pin(1024 * 1024)
  await emitter.relieve(signal)
  expect(written).toEqual([['a', 'b']])
})
const failing = (...ids: readonly string[]) => ({
  failed: ids.map((id) => ({ id, error: new Error(`no ${id}`), retryable: true })),
})

afterEach(() => {
  waited.length = 0
})

describe('a checkpoint', () => {
  test('waits until every output is durable, in order, with its id', async () => {
    const { emitter, offer, written, ids } = emitterOf(allWell)
    offer('a', 'b')
    offer('c')
    await emitter.settle(signal)
    expect(written).toEqual([['a', 'b', 'c']])
    expect(ids).toEqual([['p/main/s-0-0-0', 'p/main/s-0-0-1', 'p/main/s-0-1-0']])
    await emitter.settle(signal)
    expect(written).toHaveLength(1)
  })

  test('items that failed come again, with the same ids, and no others', async () => {
    const second = 'p/main/s-0-0-1'
    const { emitter, offer, written, ids } = emitterOf(async (call) => (call < 3 ? failing(second) : failing()))
    offer('a', 'b', 'c')
    await emitter.settle(signal)
    expect(written).toEqual([['a', 'b', 'c'], ['b'], ['b']])
    expect(ids.at(-1)).toEqual([second])
    expect(waited).toEqual([100, 250])
  })

  test('a rejection means that all have failed', async () => {
    const { emitter, offer, written } = emitterOf(async (call) => {
      if (call === 1) throw new Error('connection reset')
      return failing()
    })
    offer('a', 'b')
    await emitter.settle(signal)
    expect(written).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('gives up after eight tries, ever more slowly: the epoch comes again', async () => {
    for (const write of [
      async () => failing('p/main/s-0-0-0'),
      async () => {
        throw new Error('down')
      },
    ]) {
      waited.length = 0
      const { emitter, offer, written } = emitterOf(write)
      offer('a')
      await expect(emitter.settle(signal)).rejects.toMatchObject({
        code: 'SinkUnavailable',
        retryable: true,
        details: { sink: 'calls', target: 'https://example.org/hook', doing: 'write 1 items' },
        cause: expect.any(Error),
      })
      expect(written).toHaveLength(8)
      expect(waited).toEqual([100, 250, 500, 1_000, 2_000, 5_000, 5_000])
    }
  })

  test('an item that can never be written fails at once', async () => {
    const refused = { id: 'p/main/s-0-0-0', error: new Error('forbidden'), retryable: false }
    const { emitter, offer, written } = emitterOf(async () => ({ failed: [refused] }))
    offer('a')
    await expect(emitter.settle(signal)).rejects.toMatchObject({
      code: 'SinkUnauthorized',
      retryable: false,
      cause: { message: 'forbidden' },
    })
    expect(written).toHaveLength(1)
  })

  test('so does a rejection that its sink calls final', async () => {
    const { emitter, offer, written } = emitterOf(
      async () => {
        throw new Error('401')
      },
      (error) => (error as Error).message !== '401',
    )
    offer('a')
    await expect(emitter.settle(signal)).rejects.toMatchObject({ code: 'SinkUnauthorized', cause: { message: '401' } })
    expect(written).toHaveLength(1)
  })

  test('so does an error of ours that no waiting mends, as it is', async () => {
    const { emitter, offer, written } = emitterOf(async () => {
      throw new SinkUnauthorized({ ...at, sink: 'calls', target: 'a hook', doing: 'send', reason: 'answered 401' })
    })
    offer('a')
    await expect(emitter.settle(signal)).rejects.toMatchObject({
      code: 'SinkUnauthorized',
      details: { doing: 'send', reason: 'answered 401' },
    })
    expect(written).toHaveLength(1)
  })

  test('a target that takes a few at a time gets as many tries as that needs', async () => {
    const ids = Array.from({ length: 30 }, (_, n) => `p/main/s-0-0-${n}`)
    const { emitter, offer, written } = emitterOf(async (call) => failing(...ids.slice(2 * call)))
    offer(...ids)
    await emitter.settle(signal)
    expect(written.map((items) => items.length)).toEqual([30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2])
    expect(new Set(waited)).toEqual(new Set([100]))
  })

  test('an abort ends it, and is no failure of the sink', async () => {
    const abort = new AbortController()
    const { emitter, offer } = emitterOf(async () => {
      abort.abort(new Error('closing'))
      throw new Error('socket closed')
    })
    offer('a')
    await expect(emitter.settle(abort.signal)).rejects.toThrow('closing')
  })
})

describe('between checkpoints', () => {
  test('hands over a few at first, and up to a thousand where that is quick', async () => {
    const { emitter, offer, written } = emitterOf(allWell)
    for (let n = 0; n < 5_000; n++) {
      offer(n)
      await emitter.relieve(signal)
    }
    expect(written.map((items) => items.length)).toEqual([16, 32, 64, 128, 256, 512, 1_000, 1_000, 1_000])
  })

  test('hands over fewer where that is slow: an epoch must end before its time-out', async () => {
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    const { emitter, offer, written } = emitterOf(async () => {
      now += 15_000
      return allWell()
    })
    for (let n = 0; n < 32; n++) {
      offer(n)
      await emitter.relieve(signal)
    }
    clock.mockRestore()
    expect(written.map((items) => items.length)).toEqual([16, 8, 4, 2, 1, 1])
  })

  test('writes nothing while outputs are held back: the digests may not match', async () => {
    const { emitter, offer, written } = emitterOf(allWell)
    emitter.phase = 'held'
    offer(...Array.from({ length: 2_000 }, (_, n) => n))
    await emitter.relieve(signal)
    expect(written).toHaveLength(0)
    emitter.phase = 'live'
    await emitter.settle(signal)
    expect(written.map((items) => items.length)).toEqual([2_000])
  })

  test('closes its writer', async () => {
    const { emitter, closed } = emitterOf(allWell)
    await emitter.close()
    expect(closed()).toBe(1)
  })
})
