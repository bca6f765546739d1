/** Milliseconds between commits where neither the pipeline nor its sinks say otherwise. */
const DEFAULT_COMMIT_MS = 1_000

/** Milliseconds between the commits of the sinks that share a ledger; null: with each checkpoint. */
export function commitMsOf(
  pipelineMs: number | null,
  sinks: readonly { readonly commitsWithCheckpoint?: boolean }[],
): number | null {
  if (pipelineMs !== null) return pipelineMs
  return sinks.every((sink) => sink.commitsWithCheckpoint === true) ? null : DEFAULT_COMMIT_MS
}
