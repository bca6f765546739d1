import type { Fault } from '../definition/fault.js'
import type { Details } from './base.js'
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

/** Sources of one stage have to have equally many partitions: a task reads the same number of each. */
export class NotCoPartitioned extends DefinitionError<NotCoPartitionedDetails> {
  constructor(details: NotCoPartitionedDetails, cause?: unknown) {
    const { pipeline, stage, partitions } = details
    const counts = Object.entries(partitions).map(([source, count]) => `'${source}' has ${count}`)
    const message = `stage '${stage}' of pipeline '${pipeline}' reads sources with unequal numbers of partitions: `
    super('NotCoPartitioned', message + counts.join(', '), details, cause)
  }
}

export interface NotCoPartitionedDetails extends Details {
  readonly pipeline: string
  readonly stage: string
  /** How many each source has. */
  readonly partitions: Readonly<Record<string, number>>
}

function lineOf({ path, message, got }: Fault): string {
  return `${path}: ${message}${got === undefined ? '' : ` (got ${JSON.stringify(got)})`}`
}
