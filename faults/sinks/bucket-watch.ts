import { setTimeout as sleep } from 'node:timers/promises'
import { withoutChance } from '../../test/oracle/counted.js'
import { type BucketPlace, readEntry, readLines } from '../../test/oracle/read-bucket.js'
import { SeenOutputs } from './seen.js'
import type { OutputWatch } from './sink.js'

const LOOK_MS = 100

/** Asks each ledger for its next entry, as someone who takes in commits as they come would, and reads what it names. */
export class BucketWatch implements OutputWatch {
  private readonly outputs = new SeenOutputs()
  readonly seen = this.outputs.lines
  private readonly place: BucketPlace
  /** By partition: the entry that was taken in last. */
  private readonly seqs: number[]
  private readonly looking: Promise<unknown>
  private finishing = false

  constructor(place: BucketPlace, partitions: number) {
    this.place = place
    this.seqs = Array.from({ length: partitions }, () => 0)
    this.looking = Promise.all(this.seqs.map((_, partition) => this.watch(partition)))
    this.looking.catch(() => undefined)
  }

  async finish(): Promise<void> {
    this.finishing = true
    await this.looking
    await Promise.all(this.seqs.map((_, partition) => this.look(partition)))
  }

  close(): void {
    this.finishing = true
  }

  private async watch(partition: number): Promise<void> {
    while (!this.finishing) {
      // The server may be away: what it has is asked for again.
      await this.look(partition).catch(() => undefined)
      await sleep(LOOK_MS)
    }
  }

  /** Takes in what is committed by now: an entry with all of its objects, or not at all. */
  private async look(partition: number): Promise<void> {
    for (;;) {
      const seq = (this.seqs[partition] ?? 0) + 1
      const entry = await readEntry(this.place, partition, seq)
      if (entry === null) return
      const lines: string[] = []
      for (const object of entry.objects) lines.push(...(await readLines(this.place, object)))
      for (const line of lines) this.outputs.take(partition, withoutChance(line))
      this.seqs[partition] = seq
    }
  }
}
