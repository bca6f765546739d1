import type { Choices } from './choices.js'
import { LETTERS, refuses, type SimOutput, SINK, SINKS, TARGET } from './model.js'
import { SimBroker } from './sim-broker.js'
import { type LedgerFlaw, type LedgerKind, type Observer, type Refuses, SimLedger } from './sim-ledger.js'
import { SimTarget } from './sim-target.js'

/** What a simulation is about: chosen once, before anything happens. */
export interface Setting {
  readonly broker: SimBroker
  readonly ledgers: readonly SimLedger[]
  readonly target: SimTarget | null
  readonly commitMs: number | null
  /** The pipeline keeps state and has timers. */
  readonly stateful: boolean
  /** Keeps it here, in place of history. */
  readonly keepsInStore: boolean
  /** Ends by itself at the records that are there when it starts. */
  readonly bounded: boolean
  readonly maxHistoryEvents: number
  readonly workers: number
  /** How often something is kept waiting for long. */
  readonly laziness: number
  readonly faults: number
  readonly faultChance: number
}

export interface SettingOptions {
  readonly kind: LedgerKind | null
  readonly flaw: LedgerFlaw | null
  /** Each output is the answer to a call, and another one each time: there is one ledger then. */
  readonly asks: boolean
}

export function settingFrom(choices: Choices, { kind, flaw, asks }: SettingOptions, observer: Observer): Setting {
  const laziness = choices.pick([0, 0.05, 0.2])
  const faults = choices.below(12)
  const faultChance = choices.pick([0.02, 0.1, 0.3])
  const drawn = Array.from({ length: SINKS }, (_, index) => SINK + index).filter(
    (_, index) => index === 0 || choices.chance(0.5),
  )
  if (choices.chance(0.6)) drawn.push(LETTERS)
  const target = choices.chance(0.25) ? new SimTarget(TARGET) : null
  const ids = asks ? oneOf(drawn, target !== null) : drawn
  const tagOf = (id: string): number => (id === LETTERS && target !== null ? ids.length : ids.indexOf(id))
  const ledgers = ids.map((id) => {
    const refusal: Refuses = (output) => {
      const { v, i } = output as SimOutput
      return !refuses(id, v, i) ? null : v % 2 === 0 ? 'write' : 'commit'
    }
    return new SimLedger(id, tagOf(id), kind ?? choices.pick(['compare', 'producer']), flaw, observer, refusal)
  })
  const commitMs = choices.pick([0, 50, 50, null])
  const bounded = !choices.chance(0.3)
  const maxHistoryEvents = choices.pick([1_000, 60, 25, 12])
  const workers = 1 + choices.below(3)
  const gaps = choices.pick([0, 0, 0.2, 0.6])
  const records = Array.from({ length: 1 + choices.below(14) }, () => !choices.chance(gaps))
  const behind = gaps === 0 ? 0 : choices.below(5)
  const log = [...records, ...Array.from({ length: behind }, () => false)]
  const later = choices.chance(0.3) ? choices.below(log.length) : 0
  const broker = new SimBroker(log, log.length - later, choices)
  const stateful = choices.chance(0.5) && !asks
  const keepsInStore = stateful && choices.chance(0.5)
  return {
    broker,
    ledgers,
    target,
    commitMs,
    stateful,
    keepsInStore,
    bounded,
    maxHistoryEvents,
    workers,
    laziness,
    faults,
    faultChance,
  }
}

/** The only ledger: of outputs, or, where these go to a target without one, of dead letters. */
const oneOf = (ids: readonly string[], hasTarget: boolean): string[] =>
  hasTarget && ids.includes(LETTERS) ? [LETTERS] : ids.slice(0, 1)
