import type { EngineHost } from '../engine/host.js'

const nothing = (): void => {}

/** A host that says nothing and watches nothing: tests see errors by themselves. */
export const silence: Pick<EngineHost, 'stalls' | 'log'> = {
  log: { info: nothing, warn: nothing },
  stalls: {
    register: () => 0,
    unregister: nothing,
    enter: nothing,
    leave: nothing,
    takeLongest: () => undefined,
    keepAlive: () => ({ byThread: false, always: nothing, stop: nothing }),
  },
}
