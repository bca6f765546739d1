import type { PipelineStateName, TaskStateName } from '../../client/status.js'
import type { Colors } from '../terminal.js'

type AnyState = PipelineStateName | TaskStateName

const PAINT: Readonly<Record<AnyState, 'green' | 'yellow' | 'red' | 'cyan' | 'dim'>> = {
  starting: 'cyan',
  running: 'green',
  paused: 'yellow',
  draining: 'yellow',
  cancelling: 'yellow',
  parked: 'red',
  failed: 'red',
  missing: 'red',
  terminated: 'red',
  completed: 'dim',
  drained: 'dim',
  cancelled: 'dim',
  stopped: 'dim',
}

export function painted(state: AnyState, colors: Colors): string {
  return colors[PAINT[state]](state)
}
