import { expect, test } from 'vitest'
import {
  ACTIVITY,
  claimsQueue,
  pipelineWorkflowId,
  taskWorkflowId,
  savepointWorkflowId,
  savedTaskWorkflowId,
} from '../../../src/protocol/names.js'

test('are part of running histories: never change one', () => {
  expect(pipelineWorkflowId('delays')).toBe('tidemark/delays')
  expect(taskWorkflowId('delays', 'main', 3)).toBe('tidemark/delays/main/3')
  expect(savepointWorkflowId('delays', 'before')).toBe('tidemark/delays/savepoint/before')
  expect(savedTaskWorkflowId('delays', { label: 'before' }, 'main', 3)).toBe('tidemark/delays/savepoint/before/main/3')
  expect(savedTaskWorkflowId('delays', { label: 'before', id: '5f0c' }, 'main', 3)).toBe(
    'tidemark/delays/savepoint/before/main/3/5f0c',
  )
  expect(claimsQueue('tidemark')).toBe('tidemark/claims')
  expect(ACTIVITY).toEqual({
    describePipeline: 'tidemark.describePipeline',
    discoverPartitions: 'tidemark.discoverPartitions',
    takeOver: 'tidemark.takeOver',
    fenceGone: 'tidemark.fenceGone',
    claim: 'tidemark.claim',
    runEpoch: 'tidemark.runEpoch',
    interrupt: 'tidemark.interrupt',
    release: 'tidemark.release',
    look: 'tidemark.look',
    presence: 'tidemark.presence',
    keepCheckpoint: 'tidemark.keepCheckpoint',
    dropSavepoint: 'tidemark.dropSavepoint',
  })
})
