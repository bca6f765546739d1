import type { Positions } from '../definition/position.js'
import { ChainedDigest } from './digest.js'
import type { Emitter } from './emitter.js'
import type { Ledger } from './ledger.js'
import { type Ahead, type Claim, judgeDigest } from './recovery.js'
import { compareVectors, type Order, reaches } from './vectors.js'

/** Where a ledger's digest is due. */
interface Station {
  readonly positions: Positions
  /** Behind what happens at the end of a bounded run. */
  readonly ended: boolean
  readonly ledger: Ledger
}

/**
 * Re-execution of `[C, P*)` (PROTOCOL §3): each ledger is muted up to its own position, held from there on, and all go
 * live together once every digest up to P* has matched.
 */
export class CatchUp {
  /** P*, where the epoch that catches up ends; null: nothing to catch up with. */
  readonly furthest: Positions | null
  private readonly claim: Claim
  private readonly order: Order
  private readonly ledgers: readonly Ledger[]
  private readonly emitters: readonly Emitter[]
  /** What is committed stays, whatever the code that is accepted would give. */
  private readonly accepts: boolean
  /** Ascending; P* last. */
  private readonly stations: Station[] = []

  constructor(options: {
    readonly claim: Claim
    readonly order: Order
    readonly furthest: Positions | null
    readonly ledgers: readonly Ledger[]
    readonly emitters: readonly Emitter[]
    readonly acceptCodeChange: boolean
    /** The stage isn't deterministic: what its ledger holds is taken as it is (PROTOCOL §6). */
    readonly adopts: boolean
  }) {
    this.claim = options.claim
    this.order = options.order
    this.ledgers = options.ledgers
    this.emitters = options.emitters
    // One of mixed code may carry the new code's fingerprint already: a commit whose answer was lost.
    this.accepts =
      options.acceptCodeChange &&
      options.ledgers.some(({ ahead }) => ahead !== null && ahead.fingerprint !== options.claim.fingerprint)
    this.furthest = options.furthest
    if (options.adopts) {
      for (const ledger of this.ledgers) adopt(ledger)
      return
    }
    const start = this.claim.checkpoint.positions
    for (const ledger of this.ledgers) {
      const { ahead } = ledger
      // Position can't tell whether what was due at the epoch's start, or at the end of all, is in it (PROTOCOL §3.2, 3.3).
      if (ahead === null || this.isUntouched(ahead)) this.judge(ledger)
      // A source that has come since has nothing to do with what the ledger holds.
      else this.stations.push({ positions: { ...start, ...ahead.positions }, ended: ahead.ended, ledger })
    }
    this.stations.sort(
      (a, b) => compareVectors(a.positions, b.positions, this.order) || Number(a.ended) - Number(b.ended),
    )
    if (!this.active) return
    for (const outlet of [...this.ledgers, ...this.emitters]) outlet.phase = 'held'
    for (const { ledger } of this.stations) ledger.phase = 'muted'
  }

  get active(): boolean {
    return this.stations.length > 0
  }

  /** Where processing has to halt for `reach`; null once caught up. */
  get next(): Positions | null {
    return this.stations[0]?.positions ?? null
  }

  /**
   * Everything below `positions` has been through the steps and is sealed; `ended`: what waits for the end of a bounded run
   * as well. Throws `NonDeterministicStep` or `CodeChanged` where a ledger holds other outputs. Returns true if this was P*:
   * all outlets are live now.
   */
  reach(positions: Positions, ended = false): boolean {
    for (let station = this.stations[0]; station !== undefined; station = this.stations[0]) {
      if (!reaches(positions, station.positions, this.order) || (station.ended && !ended)) return false
      this.judge(station.ledger)
      station.ledger.phase = 'held'
      this.stations.shift()
    }
    for (const outlet of [...this.ledgers, ...this.emitters]) outlet.phase = 'live'
    return true
  }

  /** A ledger at `positions` holds what waits for the end of a bounded run: that is to happen before it is reached. */
  endsAt(positions: Positions): boolean {
    const [station] = this.stations
    return station?.ended === true && reaches(positions, station.positions, this.order)
  }

  private isUntouched({ positions, timers, ended }: Ahead): boolean {
    const start = this.claim.checkpoint.positions
    return !timers && !ended && Object.keys(this.order).every((source) => positions[source] === start[source])
  }

  private judge(ledger: Ledger): void {
    const { ahead } = ledger
    if (ahead === null) return
    if (this.accepts) return adopt(ledger)
    judgeDigest(ledger.id, ledger.digest.toString(), ahead, this.claim)
    ledger.ahead = null
  }
}

/** Its outputs count as executed. */
function adopt(ledger: Ledger): void {
  if (ledger.ahead !== null) ledger.digest = new ChainedDigest(ledger.ahead.digest)
  ledger.ahead = null
}
