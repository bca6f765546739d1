import {
  ActivityFailure,
  ApplicationFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
  RetryState,
} from '@temporalio/common'
import { expect, test } from 'vitest'
import { GenerationFenced, InvalidCommand, InvalidDefinition, PipelineNotFound } from '../../../src/errors/index.js'
import { isTidemarkError } from '../../../src/errors/is.js'

const thrown = new PipelineNotFound({ pipeline: 'flights', known: ['orders'] })

/** An error of an activity as Temporal hands it to workflow and client: written, sent, read, and wrapped. */
function received(code: string, details: readonly unknown[] | undefined): ActivityFailure {
  const converter = new DefaultFailureConverter()
  const failure = ApplicationFailure.create({
    message: 'no such pipeline',
    type: code,
    nonRetryable: true,
    ...(details !== undefined && { details: [...details] }),
  })
  const inner = converter.failureToError(
    converter.errorToFailure(failure, defaultPayloadConverter),
    defaultPayloadConverter,
  )
  return new ActivityFailure('failed', 'describe', '1', RetryState.NON_RETRYABLE_FAILURE, 'worker', inner)
}

test('an error of ours, of that code only', () => {
  expect(isTidemarkError(thrown)).toBe(true)
  expect(isTidemarkError(thrown, 'PipelineNotFound')).toBe(true)
  expect(isTidemarkError(thrown, 'InvalidCommand')).toBe(false)
})

test('what no error of ours is', () => {
  const coded = Object.assign(new Error('x'), { code: 'SinkBehind' })
  for (const other of [
    undefined,
    null,
    'SinkBehind',
    {},
    new Error('SinkBehind'),
    coded,
    { name: 'SinkBehind', code: 'SinkBehind' },
  ]) {
    expect(isTidemarkError(other)).toBe(false)
  }
})

test('an error of another copy of this package', () => {
  const other = Object.assign(new Error('x'), { name: 'PipelineNotFound', code: 'PipelineNotFound', details: {} })
  expect(isTidemarkError(other, 'PipelineNotFound')).toBe(true)
})

test('what an activity threw, inside the failures that Temporal puts around it', () => {
  const outer = new Error('Workflow execution failed', { cause: received('PipelineNotFound', [thrown.details]) })
  expect(isTidemarkError(outer, 'InvalidCommand')).toBe(false)
  expect(outer).not.toHaveProperty('code')
  if (!isTidemarkError(outer, 'PipelineNotFound')) throw new Error('not recognised')
  // Typed, and there.
  expect(outer.details.known?.[0]).toBe('orders')
  expect(outer.code).toBe('PipelineNotFound')
  expect(outer.retryable).toBe(false)
  expect(outer.next).toBe(thrown.next)
  expect(Object.keys(outer)).toEqual([])
})

test('the ApplicationFailure itself, which can still be sent on', () => {
  const failure = received('PipelineNotFound', [thrown.details]).cause
  if (!isTidemarkError(failure, 'PipelineNotFound')) throw new Error('not recognised')
  expect(failure.details.pipeline).toBe('flights')
  expect(failure.details).toEqual([thrown.details])

  const own = ApplicationFailure.create({ type: 'PipelineNotFound', details: [thrown.details] })
  expect(isTidemarkError(own)).toBe(true)
  const proto = new DefaultFailureConverter().errorToFailure(own, defaultPayloadConverter)
  expect(proto.applicationFailureInfo?.details?.payloads).toHaveLength(1)
})

test('an ApplicationFailure without details, and one of a user', () => {
  const bare = received('PipelineNotFound', undefined).cause
  expect(isTidemarkError(bare, 'PipelineNotFound')).toBe(true)
  expect(() => new DefaultFailureConverter().errorToFailure(bare, defaultPayloadConverter)).not.toThrow()
  expect(isTidemarkError(received('CardDeclined', []))).toBe(false)
})

test('the outermost error of ours decides, not what it came of', () => {
  const caused = new InvalidCommand({ command: 'start', reason: 'no' }, thrown)
  expect(isTidemarkError(new Error('x', { cause: caused }), 'PipelineNotFound')).toBe(false)
  expect(isTidemarkError(new Error('x', { cause: caused }), 'InvalidCommand')).toBe(true)
})

test('causes in a circle end', () => {
  const circle = new Error('a')
  circle.cause = new Error('b', { cause: circle })
  expect(isTidemarkError(circle)).toBe(false)
})

test('details are typed by code', () => {
  const use = (error: unknown): void => {
    if (isTidemarkError(error, 'InvalidDefinition')) {
      const path: string | undefined = error.details.faults[0]?.path
      expect(path).toBe('name')
      // @ts-expect-error no such detail
      expect(error.details.step).toBeUndefined()
    }
    // @ts-expect-error no such code
    isTidemarkError(error, 'SinkBehindish')
    if (isTidemarkError(error, 'GenerationFenced')) expect(error.details.owner.generation).toBeTypeOf('number')
  }
  use(new InvalidDefinition({ pipeline: 'p', faults: [{ path: 'name', message: 'is bad' }] }))
  const owner = { generation: 1, incarnation: 1, claim: 1, runId: 'r' }
  use(new GenerationFenced({ pipeline: 'p', stage: 'main', partition: 0, sink: 's', owner, ledgerOwner: null }))
  expect.assertions(3)
})
