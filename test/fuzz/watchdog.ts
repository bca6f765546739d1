import { Worker } from 'node:worker_threads'

/** The number of the case at work, where another thread can see it. */
export interface Watchdog {
  next(number: number): void
  stop(): Promise<void>
}

/** Ends this process, naming the case, when one takes longer than `ms`: a loop without end lets nothing else happen here. */
export function startWatchdog(seed: number, ms: number): Watchdog {
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(WATCH, { eval: true, workerData: { shared, seed, ms } })
  worker.unref()
  return {
    next: (number) => void Atomics.store(shared, 0, number),
    stop: async () => void (await worker.terminate()),
  }
}

const WATCH = `
const { workerData: { shared, seed, ms } } = require('node:worker_threads')
let [last, since] = [-1, Date.now()]
setInterval(() => {
  const now = Atomics.load(shared, 0)
  if (now !== last) [last, since] = [now, Date.now()]
  else if (Date.now() - since > ms) {
    require('node:fs').writeSync(2, 'batch ' + now + ' of seed ' + seed + ' took longer than ' + ms + ' ms\\n')
    process.kill(process.pid, 'SIGKILL')
  }
}, 200)
`
