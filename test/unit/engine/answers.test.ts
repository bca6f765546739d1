import { expect, test, vi } from 'vitest'
import { RecordRejected, StepFailed } from '../../../src/errors/record.js'
import { Answers } from '../../../src/engine/answers.js'
import { memorySegments } from '../../../src/testing/memory-segments.js'

const task = { pipeline: 'p', stage: 'main', partition: 0 }
const at = { pipeline: 'p', stage: 'main', origin: { source: 's', partition: 0, position: '7' }, step: 'ask' }
const { signal } = new AbortController()
const backend = () => memorySegments()

async function open(of = backend(), ends = signal, tell: (trouble: Error) => void = () => {}) {
  const store = await of.open({ ...task, namespace: 'n', connection: () => null, signal })
  const options = { describe: 'memory', task, tag: 'one', warn: () => {}, tell, signal: ends }
  return { answers: new Answers({ ...options, store }), store }
}

const asked = (name: string, ask: () => Promise<unknown>) => ({
  name,
  ask,
  errorOf: (thrown: unknown) =>
    thrown instanceof RecordRejected ? thrown : new StepFailed({ ...at, reason: (thrown as Error).message }),
})
const wanted = (): boolean => true
const never = vi.fn(() => Promise.reject(new Error('asked again')))

test('what calls came to is the same for whoever executes the epoch again, from the segment that a receipt names', async () => {
  const shared = backend()
  const { answers } = await open(shared)
  answers.begin(3)
  const value = { when: new Date(5), big: 3n, none: undefined, list: [1, Number.NaN] }
  expect(
    await answers.of(
      asked('0', async () => value),
      wanted,
    ),
  ).toEqual(value)
  expect(answers.head).toBeNull()
  await answers.store()
  const first = answers.head
  const said = new RecordRejected({ ...at, reason: 'no', given: { left: 2 } })
  await expect(
    answers.of(
      asked('1', () => Promise.reject(said)),
      wanted,
    ),
  ).rejects.toMatchObject({ code: 'RecordRejected' })
  await expect(
    answers.of(
      asked('2', () => Promise.reject(new Error('down'))),
      wanted,
    ),
  ).rejects.toThrow('down')
  await answers.store()
  expect(answers.head).not.toBe(first)

  const { answers: again } = await open(shared)
  await again.restore(3, [answers.head ?? ''])
  again.begin(3)
  expect(await again.of(asked('0', never), wanted)).toEqual(value)
  const refused = await again.of(asked('1', never), wanted).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(RecordRejected)
  expect([(refused as Error).message, (refused as RecordRejected).details]).toEqual([said.message, said.details])
  await expect(again.of(asked('2', never), wanted)).rejects.toMatchObject({
    code: 'StepFailed',
    message: expect.stringContaining('down'),
  })
  expect(never).not.toHaveBeenCalled()

  // From the first segment nothing is known of what came behind it.
  const { answers: earlier } = await open(shared)
  await earlier.restore(3, [first ?? ''])
  expect(
    await earlier.of(
      asked('1', async () => 'else'),
      wanted,
    ),
  ).toBe('else')
})

test('a result that can’t be kept is the failure of its record, also the next time', async () => {
  const { answers } = await open()
  answers.begin(1)
  for (const ask of [() => Promise.resolve({ price: new URL('http://a') }), never]) {
    await expect(answers.of(asked('0', ask), wanted)).rejects.toMatchObject({
      code: 'StepFailed',
      message: expect.stringContaining('class URL'),
    })
  }
})

test('what a record came to that is given up is not kept', async () => {
  const { answers } = await open()
  answers.begin(1)
  expect(
    await answers.of(
      asked('0', async () => 1),
      () => false,
    ),
  ).toBe(1)
  expect(
    await answers.of(
      asked('0', async () => 2),
      wanted,
    ),
  ).toBe(2)
})

test('another epoch knows nothing of it, and clears it away', async () => {
  const { answers, store } = await open()
  answers.begin(1)
  await answers.of(
    asked('0', async () => 1),
    wanted,
  )
  await answers.store()
  const key = answers.head ?? ''
  expect(await store.get(key)).not.toBeNull()
  answers.begin(1)
  expect(await answers.of(asked('0', never), wanted)).toBe(1)
  answers.begin(2)
  expect(answers.head).toBeNull()
  expect(
    await answers.of(
      asked('0', async () => 2),
      wanted,
    ),
  ).toBe(2)
  await answers.close()
  expect(await store.get(key)).toBeNull()
})

test('a segment that is gone or was changed is told', async () => {
  const shared = backend()
  const { answers, store } = await open(shared)
  await expect(answers.restore(1, ['gone'])).rejects.toMatchObject({
    code: 'StateCorrupt',
    message: expect.stringMatching(
      /^segment gone, with what calls of .* it is not there\. Restore it, or rewind/,
    ) as string,
    details: { segment: 'gone', answers: true },
  })
  await store.put('changed', Buffer.from('x'))
  const { answers: other } = await open(shared)
  await expect(other.restore(1, ['changed'])).rejects.toMatchObject({ code: 'StateCorrupt' })
})

test('a store that fails is asked until it succeeds, or the session ends', async () => {
  const session = new AbortController()
  const { answers, store } = await open(backend(), session.signal)
  answers.begin(1)
  await answers.of(
    asked('0', async () => 1),
    wanted,
  )
  const put = vi.spyOn(store, 'put').mockRejectedValueOnce(new Error('away'))
  expect(await answers.store()).toBe(true)
  expect(put).toHaveBeenCalledTimes(2)
  await answers.of(
    asked('1', async () => 1),
    wanted,
  )
  put.mockRejectedValue(new Error('away'))
  const storing = answers.store()
  await vi.waitFor(() => expect(put).toHaveBeenCalledTimes(3), { timeout: 10_000 })
  session.abort()
  expect(await storing).toBe(false)
  await answers.close()
})

test('that a store fails for long is told, once', async () => {
  const tell = vi.fn()
  const { answers, store } = await open(backend(), signal, tell)
  answers.begin(1)
  await answers.of(
    asked('0', async () => 1),
    wanted,
  )
  const put = vi.spyOn(store, 'put').mockRejectedValue(new Error('away'))
  vi.useFakeTimers()
  try {
    const storing = answers.store()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(tell).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'StateBackendUnavailable' }))
    put.mockResolvedValue()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await storing).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})
