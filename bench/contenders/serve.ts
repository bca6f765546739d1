import type { Arena, Reply, Taken } from './round.js'

export interface Contender<Round> {
  run(round: Round): Promise<Taken>
  close(): Promise<void>
}

/** The main loop of a contender's process: rounds come as messages, and it ends when its parent lets go of it. */
export async function serve<Round>(prepare: (arena: Arena) => Promise<Contender<Round>>): Promise<void> {
  const contender = await prepare(JSON.parse(process.argv[2] ?? '') as Arena)
  const reply = (message: Reply): void => void process.send?.(message)
  process.on('message', (round: Round) => {
    // Unhandled on purpose: what fails here ends the process, and its parent says so.
    void contender.run(round).then((taken) => reply({ taken }))
  })
  process.once('disconnect', () => void contender.close())
  reply({ ready: true })
}

/** Times `work`, with the CPU that this process used meanwhile. */
export async function timed(work: () => Promise<void>): Promise<Taken> {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { ms: performance.now() - began, cpuMs: (user + system) / 1_000 }
}
