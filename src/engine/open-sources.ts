import type { SourceNode } from '../definition/graph.js'
import type { Position, Positions } from '../definition/position.js'
import type { OpenContext, SourceReader } from '../definition/source.js'
import type { EngineHost } from './host.js'
import type { OpenSource } from './input.js'
import type { Claim } from './recovery.js'
import { changed, lostAgain } from './source-changes.js'

export interface OpeningSources {
  readonly host: EngineHost
  readonly claim: Claim
  /** Where to go on, by source. */
  readonly positions: Positions
  /** Below it nothing may be missing: it is executed again. Null: nothing is. */
  readonly strictUntil: Positions | null
  readonly signal: AbortSignal
}

/** Opens all sources of a stage, or none. Rejects with `SourceChanged` where one isn't what the checkpoint knows. */
export async function openSources(
  nodes: readonly SourceNode[],
  opening: OpeningSources,
): Promise<readonly OpenSource[]> {
  const opened = await Promise.allSettled(nodes.map((node) => openSource(node, opening)))
  const failed = opened.find((one) => one.status === 'rejected')
  const open = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (failed === undefined) return open
  await Promise.allSettled(open.map(({ reader }) => reader.close()))
  throw failed.reason
}

async function openSource(
  { id, source: definition }: SourceNode,
  { host, claim, positions, strictUntil, signal }: OpeningSources,
): Promise<OpenSource> {
  const until = strictUntil?.[id]
  const position = positionIn(positions, id)
  let known = claim.checkpoint.identities[id]
  const openReader = async (at: Position): Promise<SourceReader<unknown>> => {
    const context: OpenContext = {
      pipeline: claim.pipeline,
      source: id,
      namespace: host.namespace,
      partition: claim.partition,
      position: at,
      signal,
      connection: host.connection,
      ...(claim.channel !== undefined && { channel: claim.channel }),
    }
    const reader = await definition.open(until === undefined ? context : { ...context, strictUntil: until })
    known ??= reader.identity
    if (reader.identity === undefined || reader.identity === known) return reader
    await reader.close()
    throw changed(claim, id, at, { was: known ?? '', is: reader.identity })
  }
  try {
    return { id, definition, position, reader: await openReader(position), openReader }
  } catch (error) {
    throw strictUntil === null ? error : lostAgain(claim, id, error)
  }
}

export function positionIn(positions: Positions, source: string): Position {
  const position = positions[source]
  if (position === undefined) throw new TypeError(`the checkpoint has no position of source '${source}'`)
  return position
}
