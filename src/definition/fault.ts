/** One thing that is wrong with a definition: where, what, and the value found there. */
export interface Fault {
  /** Where it is, from the pipeline's options down: `sources.flights.topic`, `commit.interval`, `steps.late`. Of a connector's own fault: from its options down. */
  readonly path: string
  /** What is wrong, as a phrase that follows the path: `must not be empty`. Never a secret. */
  readonly message: string
  /** What was found there, if it is short, plain JSON and no secret. */
  readonly got?: unknown
}
