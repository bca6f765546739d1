import { syncBuiltinESMExports } from 'node:module'
import { Seeded } from './seeded.js'

type Timer = { readonly due: number; readonly fire: () => void }
type Patch = { readonly on: object; readonly name: string; readonly value: unknown }

/** Later than anything that a simulation waits for: a real clock's times never look like these. */
const BEGINNING_MS = 1_000_000

/**
 * The clocks, timers and random numbers of this process, as long as a simulation runs: time passes when it says so. The
 * engine and the workflows keep using their own words for them.
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  now = 0
  /** The time of the newest workflow task: no two of them have the same. */
  date = BEGINNING_MS
  /** What `Math.random` draws from: the workflow's that runs. */
  random = new Seeded(0)
  private readonly timers = new Map<number, Timer>()
  private named = 0

  /** A workflow task begins. */
  nextDate(): number {
    this.date = Math.max(this.date + 1, BEGINNING_MS + this.now)
    return this.date
  }

  /** When the next timer is due; null: none is set. */
  get nextDue(): number | null {
    return this.timers.size === 0 ? null : Math.min(...[...this.timers.values()].map(({ due }) => due))
  }

  set(fire: () => void, ms: number): number {
    const id = ++this.named
    this.timers.set(id, { due: this.now + Math.max(0, ms), fire })
    return id
  }

  clear(id: number): void {
    this.timers.delete(id)
  }

  /** Time passes; what is due by then happens, in the order in which it is due. */
  pass(ms: number): void {
    const end = this.now + ms
    for (;;) {
      let next: [number, Timer] | undefined
      for (const entry of this.timers)
        if (entry[1].due <= end && entry[1].due < (next?.[1].due ?? Infinity)) next = entry
      if (next === undefined) break
      this.timers.delete(next[0])
      this.now = Math.max(this.now, next[1].due)
      next[1].fire()
    }
    this.now = end
  }

  /** Takes the place of the real ones until the function it returns is called. */
  install(): () => void {
    const promises = process.getBuiltinModule('node:timers/promises')
    const clear = (id: unknown): void => this.clear(Number(id))
    const set = (fire: () => void, ms = 0): object => new VirtualTimer(this.set(fire, ms))
    const patches: readonly Patch[] = [
      { on: performance, name: 'now', value: () => this.now },
      { on: Date, name: 'now', value: () => this.date },
      { on: Math, name: 'random', value: () => this.random.next() },
      { on: globalThis, name: 'setTimeout', value: set },
      { on: globalThis, name: 'clearTimeout', value: clear },
      // Heartbeats: nobody here waits for them.
      { on: globalThis, name: 'setInterval', value: () => new VirtualTimer(0) },
      { on: globalThis, name: 'clearInterval', value: clear },
      { on: promises, name: 'setTimeout', value: this.delay.bind(this) },
    ]
    const real = patches.map(({ on, name, value }) => {
      const own = Object.getOwnPropertyDescriptor(on, name)
      Object.defineProperty(on, name, { configurable: true, writable: true, value })
      return { on, name, own }
    })
    syncBuiltinESMExports()
    return () => {
      for (const { on, name, own } of real) {
        if (own === undefined) Reflect.deleteProperty(on, name)
        else Object.defineProperty(on, name, own)
      }
      syncBuiltinESMExports()
    }
  }

  private delay(ms: number, value?: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<unknown> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(new Error('aborted'))
      const aborted = (): void => {
        this.clear(id)
        reject(new Error('aborted'))
      }
      const id = this.set(() => {
        signal?.removeEventListener('abort', aborted)
        resolve(value)
      }, ms)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }
}

/** What `setTimeout` returns in Node. */
class VirtualTimer {
  private readonly id: number

  constructor(id: number) {
    this.id = id
  }

  unref(): this {
    return this
  }

  [Symbol.toPrimitive](): number {
    return this.id
  }
}
