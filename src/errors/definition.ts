import type { Fault } from '../definition/fault.js'
import { DefinitionError } from './families.js'

/** A pipeline's definition has faults: all of them, each on a line of the message. */
export class InvalidDefinition extends DefinitionError<{
  /** The pipeline's name as given; empty if it has none. */
  readonly pipeline: string
  readonly faults: readonly Fault[]
}> {
  constructor(details: { readonly pipeline: string; readonly faults: readonly Fault[] }, cause?: unknown) {
    const lines = details.faults.map((fault) => `  ${lineOf(fault)}`)
    super('InvalidDefinition', [`pipeline '${details.pipeline}' is not valid:`, ...lines].join('\n'), details, cause)
  }
}

function lineOf({ path, message, got }: Fault): string {
  return `${path}: ${message}${got === undefined ? '' : ` (got ${JSON.stringify(got)})`}`
}
