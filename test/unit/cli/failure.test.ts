import { ApplicationFailure, NamespaceNotFoundError } from '@temporalio/common'
import { expect, test } from 'vitest'
import { CommandFailure, EXIT, tellFailure } from '../../../src/cli/failure.js'
import { InvalidCommand, PipelineNotFound } from '../../../src/errors/control.js'
import { captured } from './captured.js'

function told(error: unknown, verbose = false): { code: number; err: string } {
  const terminal = captured()
  return { code: tellFailure(error, terminal, verbose), err: terminal.text.err }
}

const grpc = (code: number, details: string): Error =>
  new Error('outer', { cause: Object.assign(new Error('x'), { code, details }) })

test("an error of this library's says what to do next", () => {
  expect(told(new PipelineNotFound({ pipeline: 'delays' }))).toEqual({
    code: EXIT.failed,
    err: "error: there is no pipeline 'delays'\nnext: see which pipelines there are: tidemark list\n",
  })
})

test('one that a workflow has failed with says so too', () => {
  const failure = ApplicationFailure.create({ message: 'pipeline delays failed', type: 'StepFailed' })
  expect(told(failure).err).toMatch('error: pipeline delays failed\nnext: correct the step')
})

test('what was wrong from the start is wrong usage; what a workflow refuses is a failure', () => {
  const details = { command: 'pause', pipeline: 'delays', reason: 'reason must not be empty' }
  expect(told(new InvalidCommand(details)).code).toBe(EXIT.usage)
  expect(told(new InvalidCommand(details, new Error('refused'))).code).toBe(EXIT.failed)
  expect(told(new CommandFailure('no file', 'give one', { exitCode: EXIT.usage })).code).toBe(EXIT.usage)
})

test.each([
  [new NamespaceNotFoundError('nowhere'), "no namespace 'nowhere'", '--namespace'],
  [grpc(7, 'Request unauthorized.'), 'Temporal answers: Request unauthorized.', 'API key'],
  [grpc(14, 'connection refused'), 'connection refused', 'server runs'],
  [grpc(9, 'workflow task failed'), 'Temporal answers: workflow task failed', 'worker log'],
  [new Error('surprise'), 'error: surprise', '--verbose'],
  ['thrown text', 'error: thrown text', '--verbose'],
])('%s is explained', (error, message, next) => {
  const { err } = told(error)
  expect(err).toContain(message)
  expect(err).toMatch(new RegExp(`^next: .*${next}`, 'm'))
})

test('a stack is shown where it is asked for only', () => {
  expect(told(new Error('surprise')).err).not.toContain('failure.test.ts')
  expect(told(new Error('surprise'), true).err).toContain('failure.test.ts')
})
