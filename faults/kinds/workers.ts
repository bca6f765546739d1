import { setTimeout as sleep } from 'node:timers/promises'
import type { Kind } from '../fault.js'
import type { Exit } from '../../src/dev/supervise.js'

/** kill -9 of a worker that holds partitions. */
export const killWorker: Kind = (random) => {
  const share = random.next()
  return {
    kind: 'kill-worker',
    target: `busy worker ${percent(share)}`,
    async strike(world) {
      const [worker] = await world.busyWorkers(share)
      if (worker === undefined) return null
      const strike = world.strikeOn(worker.refs)
      await worker.process.kill()
      return strike
    },
  }
}

/** kill -9 of two workers at once: one is left. */
export const killTwo: Kind = (random) => {
  const share = random.next()
  return {
    kind: 'kill-two-workers',
    target: `busy workers from ${percent(share)} on`,
    async strike(world) {
      const [one, other] = await world.busyWorkers(share)
      if (one === undefined || other === undefined) return null
      const strike = world.strikeOn([...one.refs, ...other.refs])
      await Promise.all([one.process.kill(), other.process.kill()])
      return strike
    },
  }
}

/** SIGTERM of a worker that holds partitions: it has to hand them over and to end in order. */
export const stopWorker: Kind = (random) => {
  const share = random.next()
  return {
    kind: 'stop-worker',
    target: `busy worker ${percent(share)}`,
    async strike(world) {
      const [worker] = await world.busyWorkers(share)
      if (worker === undefined) return null
      const strike = world.strikeOn(worker.refs)
      world.crew.leaves(worker.process)
      const ended = worker.process.terminate()
      return {
        ...strike,
        async end() {
          const exit = await Promise.race([ended, sleep(END_MS, null, { ref: false })])
          if (exit?.code !== 0) throw new Error(`${worker.process.identity} after SIGTERM: ${toldOf(exit)}`)
        },
      }
    },
  }
}

/** SIGSTOP of a worker until others have taken its partitions over, then SIGCONT: it comes back as a zombie. */
export const freezeWorker: Kind = (random) => {
  const [share, moreMs] = [random.next(), random.below(2_000)]
  return {
    kind: 'freeze-worker',
    target: `busy worker ${percent(share)}, ${moreMs} ms longer than it takes others to take over`,
    async strike(world) {
      const [worker] = await world.busyWorkers(share)
      if (worker === undefined) return null
      const strike = world.strikeOn(worker.refs)
      worker.process.freeze()
      return {
        ...strike,
        async end() {
          await sleep(moreMs)
          worker.process.thaw()
        },
      }
    },
  }
}

/** SIGSTOP of a worker for less than anyone would notice: it goes on, and nothing is taken over. */
export const pauseWorker: Kind = (random) => {
  const [share, forMs] = [random.next(), 200 + random.below(1_200)]
  return {
    kind: 'pause-worker',
    target: `busy worker ${percent(share)}, for ${forMs} ms`,
    async strike(world) {
      const [worker] = await world.busyWorkers(share)
      if (worker === undefined) return null
      const strike = world.strikeOn(worker.refs)
      worker.process.freeze()
      await sleep(forMs)
      worker.process.thaw()
      return strike
    },
  }
}

const percent = (share: number): string => `${Math.floor(share * 100)}%`

/** The library gives an epoch that doesn't end up after half of that. */
const END_MS = 60_000

const toldOf = (exit: Exit | null): string => (exit === null ? `runs on for ${END_MS} ms` : JSON.stringify(exit))
