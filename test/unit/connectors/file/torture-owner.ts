/**
 * A process that takes a ledger again and again, and is stopped and killed by the torture test. What it knows to be
 * committed it says in one line each: `seq claim position`.
 */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimFiles } from './claims.js'

const directory = process.argv[2] ?? ''
const say = (seq: number, claim: number, position: number): void => {
  writeSync(1, `${seq} ${claim} ${position}\n`)
}

for (;;) {
  // Rises over all processes of this machine; old by the time it is used, if the process is stopped in between.
  const claim = Number(process.hrtime.bigint() / 1_000n)
  await sleep(Math.random() * 30)
  try {
    const owner = await claimFiles<number>({ directory }, { claim, buffered: 1 })
    let position = Number(owner.writer.receipt?.positions['in'] ?? 0)
    say(owner.fence.seq, claim, position)
    try {
      for (let commits = Math.random() * 30; commits > 0; commits--) {
        for (let count = Math.floor(Math.random() * 3); count > 0; count--) await owner.write(position++)
        const { seq } = await owner.commit()
        say(seq, claim, position)
      }
    } finally {
      await owner.writer.close()
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'GenerationFenced') throw error
  }
}
