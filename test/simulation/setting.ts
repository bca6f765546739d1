import type { GuardRails } from '../../src/definition/blueprint.js'
import type { Choices } from './choices.js'
import { type AskedAt, LETTERS, OTHER, refuses, type SimOutput, SINK, SINKS, SOURCE, TARGET } from './model.js'
import { type Log, SimBroker } from './sim-broker.js'
import { type LedgerFlaw, type LedgerKind, type Observer, type Refuses, SimLedger } from './sim-ledger.js'
import { SimTarget } from './sim-target.js'

/** What a simulation is about: chosen once, before anything happens. */
export interface Setting {
  readonly brokers: readonly SimBroker[]
  /** See `ModelOptions`. */
  readonly idleAfterMs: number | null
  readonly ledgers: readonly SimLedger[]
  readonly target: SimTarget | null
  readonly commitMs: number | null
  /** The pipeline keeps state and has timers. */
  readonly stateful: boolean
  readonly askedAt: AskedAt
  /** Keeps it here, in place of history. */
  readonly keepsInStore: boolean
  readonly guardRails: GuardRails
  /** Ends by itself at the records that are there when it starts. */
  readonly bounded: boolean
  readonly maxHistoryEvents: number
  readonly workers: number
  /** How often something is kept waiting for long. */
  readonly laziness: number
  readonly faults: number
  readonly faultChance: number
}

const NO_RAILS: GuardRails = { timeoutMs: Infinity, minPauseMs: 0, tolerableFailures: null }
/** Hit again and again. Taken by the length of the log: a draw of its own would change every seed's schedule. */
const RAILS: Readonly<Record<number, GuardRails>> = {
  4: { timeoutMs: 100, minPauseMs: 600, tolerableFailures: 0 },
  7: { timeoutMs: 100, minPauseMs: 0, tolerableFailures: 2 },
  8: { timeoutMs: 300, minPauseMs: 500, tolerableFailures: 1 },
  9: { timeoutMs: 300, minPauseMs: 0, tolerableFailures: null },
}

export interface SettingOptions {
  readonly kind: LedgerKind | null
  readonly flaw: LedgerFlaw | null
  /** Each output is the answer to a call, and another one each time: there is one ledger then. */
  readonly asks: boolean
  /** They are kept in a store: there are as many ledgers as there happen to be. */
  readonly kept: boolean
  /** The stage reads two sources. */
  readonly joins: boolean
}

export function settingFrom(
  choices: Choices,
  { kind, flaw, asks, kept, joins }: SettingOptions,
  observer: Observer,
): Setting {
  const laziness = choices.pick([0, 0.05, 0.2])
  const faults = choices.below(12)
  const faultChance = choices.pick([0.02, 0.1, 0.3])
  const drawn = Array.from({ length: SINKS }, (_, index) => SINK + index).filter(
    (_, index) => index === 0 || choices.chance(0.5),
  )
  if (choices.chance(0.6)) drawn.push(LETTERS)
  const target = choices.chance(0.25) ? new SimTarget(TARGET) : null
  const ids = asks && !kept ? oneOf(drawn, target !== null) : drawn
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
  const plain = { id: SOURCE, log, end: log.length - later, base: 0, times: null, silentUntilMs: 0, choices }
  const stateful = choices.chance(0.5) && (!asks || kept)
  const askedAt = stateful && asks ? choices.pick<AskedAt>(['before', 'behind', 'both']) : 'before'
  const keepsInStore = (asks && kept) || (stateful && choices.chance(0.5))
  const brokers = joins
    ? [new SimBroker({ ...plain, times: timesOf(log, choices) }), otherOf(choices)]
    : [new SimBroker(plain)]
  const guardRails = (keepsInStore ? RAILS[log.length] : undefined) ?? NO_RAILS
  return {
    brokers,
    idleAfterMs: joins ? choices.pick([null, 900]) : null,
    ledgers,
    target,
    commitMs,
    stateful,
    askedAt,
    keepsInStore,
    guardRails,
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

/** Values of the other source, in which nobody takes them for the first one's. */
const OTHER_BASE = 1_000

/** The other source: may be silent for long, and then have much. */
function otherOf(choices: Choices): SimBroker {
  const log = Array.from({ length: 1 + choices.below(10) }, () => !choices.chance(0.1))
  const end = log.length - choices.below(log.length + 1)
  const silentUntilMs = choices.pick([0, 0, 300, 1_500, 6_000])
  return new SimBroker({ id: OTHER, log, end, base: OTHER_BASE, times: timesOf(log, choices), silentUntilMs, choices })
}

/** When each record was: many at the same time as others of either source, some late. */
function timesOf(log: Log, choices: Choices): readonly number[] {
  let time = 0
  return log.map(() => {
    time += choices.pick([10, 0, 10, 20])
    return choices.chance(0.15) ? Math.max(0, time - 30) : time
  })
}
