/** What a ledger says of its newest commit, read without code of the library. */
export interface Sighting {
  readonly partition: number
  readonly seq: number
  readonly owner: { readonly generation: number; readonly incarnation: number; readonly claim: number }
  /** Next offset to read. */
  readonly position: number
}

/** Where the ledger of a partition has to stand when all is processed. */
export interface LedgerEnd {
  /** Offset of the last record that has outputs: what came to nothing need not be committed. */
  readonly lastOutput: number
  /** Offset behind the topic's last record. */
  readonly end: number
}

interface Receipt {
  readonly seq: number
  readonly owner: Sighting['owner']
  readonly positions: Readonly<Record<string, string>>
}

/** A receipt of the library's, as JSON. */
export function sightingIn(partition: number, json: string): Sighting {
  const { seq, owner, positions } = JSON.parse(json) as Receipt
  return { partition, seq, owner, position: Number(Object.values(positions)[0]) }
}

/** Ledgers that show their newest commit only, looked at again and again: what contradicts PROTOCOL §8, 4 and 6. */
export class LedgerLog {
  private readonly newest = new Map<number, Sighting>()
  private readonly wrong: string[] = []

  take(next: Sighting): void {
    const { partition, seq, owner, position } = next
    const before = this.newest.get(partition)
    this.newest.set(partition, next)
    if (before === undefined) return
    const name = `partition ${partition}, seq ${seq} after ${before.seq}`
    const order = compareOwners(owner, before.owner)
    if (seq < before.seq) this.note(`${name}: it went back`)
    if (seq === before.seq && (order !== 0 || position !== before.position)) this.note(`${name}: it was changed`)
    if (order < 0) this.note(`${name}: of an older owner`)
    if (position < before.position) this.note(`${name}: from position ${before.position} back to ${position}`)
  }

  note(fault: string): void {
    this.wrong.push(fault)
  }

  /** All that is wrong, now that everything is processed. */
  faults(ends: ReadonlyMap<number, LedgerEnd>): string[] {
    const atEnd = [...ends].flatMap(([partition, { lastOutput, end }]) => {
      const position = this.newest.get(partition)?.position
      if (position !== undefined && position > lastOutput && position <= end) return []
      return [`partition ${partition}: the ledger ends at ${position}, the topic at ${end}, outputs at ${lastOutput}`]
    })
    return [...this.wrong, ...atEnd]
  }
}

function compareOwners(a: Sighting['owner'], b: Sighting['owner']): number {
  return a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim
}
