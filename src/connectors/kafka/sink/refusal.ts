import { type ErrorMeaning, meaningOf } from '../protocol/error-codes.js'

/** What a broker answered instead of doing what it was asked. It has certainly not done it. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number
  readonly means: ErrorMeaning['means']
  /** What was asked, as in "not allowed to …". */
  readonly operation: string

  constructor(code: number, operation: string) {
    const { name, means } = meaningOf(code)
    super(`the broker answered ${name} when asked to ${operation}`)
    this.code = code
    this.means = means
    this.operation = operation
  }
}

/** Throws a `Refusal` for anything but success and what was done before. */
export function requireDone(code: number, operation: string): void {
  if (code !== 0 && meaningOf(code).means !== 'done') throw new Refusal(code, operation)
}

/** Another producer has taken over, or the coordinator has ended the transaction by itself. */
export const isFenced = (error: unknown): error is Refusal => error instanceof Refusal && error.means === 'fenced'
