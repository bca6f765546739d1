import { Context } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import { TidemarkError } from '../src/errors/base.js'
import { PipelineNotFound } from '../src/errors/control.js'

/** How often a pipeline is looked for, and in what time (ms; default: as the activity is retried). */
interface Elsewhere {
  readonly tries: number
  readonly afterMs?: number
}

/**
 * An activity whose errors reach workflows as failures: type = code, details, and whether trying again can help. A pipeline
 * or stage that this worker doesn't have may be on another one of its queue: that is tried, so many times and so soon.
 */
export function asActivity<A extends unknown[], R>(
  run: (...args: A) => Promise<R>,
  elsewhere?: Elsewhere,
): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await run(...args)
    } catch (error) {
      throw failureFor(error, elsewhere)
    }
  }
}

function failureFor(error: unknown, elsewhere: Elsewhere = { tries: Infinity }): unknown {
  if (!(error instanceof TidemarkError)) return error
  const again = error instanceof PipelineNotFound && Context.current().info.attempt < elsewhere.tries
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable && !again,
    ...(again && elsewhere.afterMs !== undefined && { nextRetryDelay: elsewhere.afterMs }),
    details: [error.details],
    cause: error,
  })
}
