import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import { type Messages, QUERY, SIGNAL, UPDATE } from '../src/protocol/messages.js'

type M = Messages
export const commandUpdate = defineUpdate<M[typeof UPDATE.command]['output'], [M[typeof UPDATE.command]['input']]>(
  UPDATE.command,
)
export const reportSignal = defineSignal<[M[typeof SIGNAL.report]]>(SIGNAL.report)
export const controlSignal = defineSignal<[M[typeof SIGNAL.control]]>(SIGNAL.control)
export const dropSavepointSignal = defineSignal(SIGNAL.dropSavepoint)
export const pipelineQuery = defineQuery<M[typeof QUERY.pipeline]>(QUERY.pipeline)
export const taskQuery = defineQuery<M[typeof QUERY.task]>(QUERY.task)
