import { Worker } from 'node:worker_threads'

/** A block of the event loop shorter than this is not worth a word. */
const STALL_MS = 1_000

/** What blocked the event loop, and for how long so far. */
export interface Stall {
  readonly task: string
  readonly step: string
  readonly ms: number
}

/** An activity for which another thread beats where this one can't. */
export interface KeptAlive {
  /** Whether it really does: only with a lifeline. */
  readonly byThread: boolean
  readonly always: () => void
  readonly stop: () => void
}

/** How the watching thread reaches Temporal by itself; all of it can be handed to a thread. */
export interface Lifeline {
  /** Path of `@temporalio/client`. */
  readonly client: string
  readonly namespace: string
  /** `ConnectionOptions` of that client: address, tls, apiKey as text. */
  readonly connection: object
}

/**
 * Names the step that blocks the event loop, while it does: this thread stores beats, another one misses them, reads
 * which step runs from shared memory, and says so on standard error. With a lifeline it also sends the heartbeats that the
 * blocked loop can't, so that a slow step doesn't cost the session. One per process.
 */
export class StallWatch {
  /** beats of the event loop · number of the task that runs, 0 for none. */
  private readonly shared = new Int32Array(new SharedArrayBuffer(8))
  private readonly thread: Worker
  private readonly hasLifeline: boolean
  private readonly timer: NodeJS.Timeout
  private next = 1
  /** The longest stall of each task since it was asked for. */
  private readonly longest = new Map<number, Stall>()

  constructor(lifeline?: Lifeline) {
    this.hasLifeline = lifeline !== undefined
    const workerData = { shared: this.shared, stallMs: STALL_MS, lifeline }
    this.thread = new Worker(watcher, { eval: true, workerData, execArgv: [] })
    this.thread.unref()
    this.thread.on('message', (stall: Stall & { readonly number: number }) => {
      if ((this.longest.get(stall.number)?.ms ?? 0) < stall.ms) this.longest.set(stall.number, stall)
    })
    this.timer = setInterval(() => this.beat(), 100)
    this.timer.unref()
  }

  /** Registers a task; `names[at[0] + 1]` is the step that runs. Returns its number for `enter`. */
  register(task: string, at: Int32Array, names: readonly string[]): number {
    const number = this.next++
    this.thread.postMessage({ number, task, at, names })
    return number
  }

  unregister(number: number): void {
    this.longest.delete(number)
    this.thread.postMessage({ number })
  }

  /** Keeps an activity alive that runs now, should the event loop block; `always` from then on, blocked or not. */
  keepAlive(taskToken: Uint8Array, timeoutMs: number): KeptAlive {
    const beat = this.next++
    this.thread.postMessage({ beat, taskToken, timeoutMs })
    return {
      byThread: this.hasLifeline,
      always: () => this.thread.postMessage({ beat, taskToken, timeoutMs, always: true }),
      stop: () => this.thread.postMessage({ beat }),
    }
  }

  /** User code of that task runs from now on, until `leave`. */
  enter(number: number): void {
    this.beat()
    this.shared[1] = number
  }

  leave(): void {
    this.shared[1] = 0
    this.beat()
  }

  /** The longest stall of a task since this was last asked. */
  takeLongest(number: number): Stall | undefined {
    const stall = this.longest.get(number)
    this.longest.delete(number)
    return stall
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    await this.thread.terminate()
  }

  private beat(): void {
    this.shared[0] = ((this.shared[0] ?? 0) + 1) | 0
  }
}

/** Runs in its own thread; plain JavaScript, because a thread can't load TypeScript everywhere that tests can. */
const watcher = `
const { parentPort, workerData: { shared, stallMs, lifeline } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const tasks = new Map()
const beats = new Map()
const set = (map, key, value) => value === undefined ? map.delete(key) : map.set(key, value)
parentPort.on('message', (m) => {
  if (m.beat === undefined) set(tasks, m.number, m.at && m)
  else set(beats, m.beat, m.taskToken && { ...m, last: Date.now() })
})

let connecting
const send = async (beat) => {
  beat.last = Date.now()
  const { Connection } = require(lifeline.client)
  connecting ??= Connection.connect(lifeline.connection)
  try {
    const { workflowService } = await connecting
    await workflowService.recordActivityTaskHeartbeat({ namespace: lifeline.namespace, taskToken: beat.taskToken })
  } catch {
    connecting = undefined
  }
}

let beat = shared[0], since = Date.now(), stalled
setInterval(() => {
  const now = Date.now()
  const blocked = shared[0] === beat && now - since >= 400
  for (const b of lifeline ? beats.values() : []) {
    if ((blocked || b.always) && now - b.last >= Math.max(b.timeoutMs * 0.5, b.timeoutMs - 1000)) void send(b)
  }
  if (shared[0] !== beat) {
    if (stalled) parentPort.postMessage(stalled)
    stalled = undefined
    beat = shared[0]
    since = now
    return
  }
  const ms = now - since
  const task = tasks.get(shared[1])
  if (ms < stallMs || !task) return
  const step = task.names[task.at[0] + 1] ?? 'unknown'
  if (!stalled) writeSync(2, 'tidemark: step \\'' + step + '\\' of ' + task.task + ' blocks its worker: no other task of this process goes on\\n')
  stalled = { number: task.number, task: task.task, step, ms }
}, 100)
`
