import type { EngineHost } from './host.js'

const nothing = (): void => {}

/** What a host is that says nothing and watches nothing: for tests, and for epochs that are executed once more. */
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
