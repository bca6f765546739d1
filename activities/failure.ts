import { ApplicationFailure } from '@temporalio/common'
import { TidemarkError } from '../src/errors/base.js'

/** An activity whose errors reach workflows as failures: type = code, details, and whether trying again can help. */
export function asActivity<A extends unknown[], R>(run: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await run(...args)
    } catch (error) {
      throw failureFor(error)
    }
  }
}

function failureFor(error: unknown): unknown {
  if (!(error instanceof TidemarkError)) return error
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable,
    details: [error.details],
    cause: error,
  })
}
