import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Client,
  isGrpcDeadlineError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client'
import { reasonOf } from '../errors/base.js'
import { CommandTimeout, InvalidCommand, PipelineNotFound } from '../errors/control.js'
import { type Messages, UPDATE } from '../protocol/messages.js'
import { pipelineWorkflowId } from '../protocol/names.js'
import type { PipelineCommand } from '../protocol/pipeline.js'
import type { Patience } from './patience.js'
import { pipelineStateOf } from './pipeline-state.js'
import { describePipelineRun } from './read-pipeline.js'

const PAUSE_MS = 200

type Answer = Messages[typeof UPDATE.command]['output']

/** Gives a command to the running pipeline. Resolves when the pipeline has accepted it. */
export async function give(client: Client, name: string, command: PipelineCommand, patience: Patience): Promise<void> {
  const handle = client.workflow.getHandle(pipelineWorkflowId(name))
  try {
    await client.withDeadline(patience.deadline, () => ask(handle, command, patience))
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw await notRunning(client, name, error)
    if (error instanceof WorkflowUpdateFailedError) {
      const reason = reasonOf(error.cause ?? error)
      throw new InvalidCommand({ command: command.kind, pipeline: name, reason }, error)
    }
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
      const { timeoutMs } = patience
      const details = { command: command.kind, pipeline: name, timeoutMs, accepted: false, waitingFor: [] }
      throw new CommandTimeout(details, error)
    }
    throw error
  }
}

/** A server that is busy gives up before the deadline. Asked again, the same id is the same update to it: nothing happens twice. */
async function ask(handle: WorkflowHandle, command: PipelineCommand, { deadline }: Patience): Promise<void> {
  const updateId = randomUUID()
  for (;;) {
    try {
      await handle.executeUpdate<Answer, [PipelineCommand]>(UPDATE.command, { args: [command], updateId })
      return
    } catch (error) {
      const gaveUp = error instanceof WorkflowUpdateRPCTimeoutOrCancelledError && isGrpcDeadlineError(error.cause)
      if (!gaveUp || Date.now() + PAUSE_MS >= deadline) throw error
    }
    await sleep(PAUSE_MS)
  }
}

/** Why a command has nobody to go to: there never was such a pipeline, or it has ended. */
export async function notRunning(client: Client, name: string, cause?: unknown): Promise<PipelineNotFound> {
  try {
    const { description, memo } = await describePipelineRun(client, name)
    const ended = pipelineStateOf(description.status.name, memo)
    return new PipelineNotFound({ pipeline: name, ended }, cause)
  } catch (error) {
    if (error instanceof PipelineNotFound) return error
    throw error
  }
}
