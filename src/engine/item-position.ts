import type { Position } from '../definition/position.js'
import type { FlowPlace } from './flow.js'

/** Of which position's record an item is, by its id; null where it isn't of this source. */
export function positionIn(itemId: string, { pipeline, stage, source, partition }: FlowPlace): Position | null {
  const prefix = `${pipeline}/${stage}/${source}-${partition}-`
  if (!itemId.startsWith(prefix)) return null
  // Behind the position: its number, and before that what says that no record gave it.
  return /^(.+?)-(?:t\d+-|end-)?\d+$/.exec(itemId.slice(prefix.length))?.[1] ?? null
}
