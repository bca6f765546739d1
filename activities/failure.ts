import { Context } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import { TidemarkError } from '../src/errors/base.js'
import { PipelineNotFound } from '../src/errors/control.js'

/**
 * An activity whose errors reach workflows as failures: type = code, details, and whether trying again can help. A pipeline
 * that this worker doesn't have may be on another one of its queue: that is tried, so many times.
 */
export function asActivity<A extends unknown[], R>(
  run: (...args: A) => Promise<R>,
  elsewhereTries = Infinity,
): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await run(...args)
    } catch (error) {
      throw failureFor(error, elsewhereTries)
    }
  }
}

function failureFor(error: unknown, elsewhereTries: number): unknown {
  if (!(error instanceof TidemarkError)) return error
  const elsewhere = error instanceof PipelineNotFound && Context.current().info.attempt < elsewhereTries
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable && !elsewhere,
    details: [error.details],
    cause: error,
  })
}
