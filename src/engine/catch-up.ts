import type { ComparePositions, Position } from '../definition/position.js'
import { ChainedDigest } from './digest.js'
import type { Emitter } from './emitter.js'
import type { Ledger } from './ledger.js'
import { type Claim, judgeDigest } from './recovery.js'

/**
 * Re-execution of `[C, P*)` (PROTOCOL §3): each ledger is muted up to its own position, held from there on, and all go
 * live together once every digest up to P* has matched.
 */
export class CatchUp {
  /** P*, where the epoch that catches up ends; null: nothing to catch up with. */
  readonly furthest: Position | null
  private readonly claim: Claim
  private readonly compare: ComparePositions
  private readonly ledgers: readonly Ledger[]
  private readonly emitters: readonly Emitter[]
  /** What is committed stays, whatever the code that is accepted would give. */
  private readonly accepts: boolean
  /** Positions at which a ledger's digest is due, ascending; P* last. */
  private readonly stations: { readonly position: Position; readonly ledgers: readonly Ledger[] }[] = []

  constructor(options: {
    readonly claim: Claim
    readonly source: string
    readonly compare: ComparePositions
    readonly furthest: Position | null
    readonly ledgers: readonly Ledger[]
    readonly emitters: readonly Emitter[]
    readonly acceptCodeChange: boolean
    /** The stage isn't deterministic: what its ledger holds is taken as it is (PROTOCOL §6). */
    readonly adopts: boolean
  }) {
    this.claim = options.claim
    this.compare = options.compare
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
    const byPosition = new Map<Position, Ledger[]>()
    for (const ledger of this.ledgers) {
      const position = ledger.ahead?.positions[options.source]
      const start = options.claim.checkpoint.positions[options.source]
      if (position === undefined || position === start) this.judge(ledger)
      else byPosition.set(position, [...(byPosition.get(position) ?? []), ledger])
    }
    for (const [position, ledgers] of byPosition) this.stations.push({ position, ledgers })
    this.stations.sort((a, b) => this.compare(a.position, b.position))
    if (!this.active) return
    for (const outlet of [...this.ledgers, ...this.emitters]) outlet.phase = 'held'
    for (const { ledgers } of this.stations) for (const ledger of ledgers) ledger.phase = 'muted'
  }

  get active(): boolean {
    return this.stations.length > 0
  }

  /** Where processing has to halt for `reach`; null once caught up. */
  get next(): Position | null {
    return this.stations[0]?.position ?? null
  }

  /**
   * Everything below `position` has been through the steps and is sealed. Throws `NonDeterministicStep` or `CodeChanged`
   * where a ledger holds other outputs. Returns true if this was P*: all outlets are live now.
   */
  reach(position: Position): boolean {
    for (let station = this.stations[0]; station !== undefined; station = this.stations[0]) {
      if (this.compare(position, station.position) < 0) return false
      for (const ledger of station.ledgers) {
        this.judge(ledger)
        ledger.phase = 'held'
      }
      this.stations.shift()
    }
    for (const outlet of [...this.ledgers, ...this.emitters]) outlet.phase = 'live'
    return true
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
