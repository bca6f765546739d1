import { parseArgs } from 'node:util'
import { type Rule, ruleNamed } from './rules.js'

export interface Options {
  readonly seeds: number
  readonly firstSeed: number
  readonly rule: Rule | null
  /** The pipeline has a step that isn't deterministic. */
  readonly asks: boolean
  /** What it was told is kept in a store, for several ledgers. */
  readonly kept: boolean
  /** Its stage reads two sources. */
  readonly joins: boolean
}

export const usage = `npm run simulate -- [options]

Runs the real session, recovery rule, task workflow and start against models of broker, sinks and Temporal, with faults at
every await, one seeded schedule after the other, and checks the invariants of docs/recovery-protocol.md §8. The first
failing schedule is shrunk and shown; the same seed is always the same schedule.

  --seeds <n>        how many schedules (1000)
  --first-seed <k>   the first of them (1)
  --asks             of a pipeline with asyncMap: a step that isn't deterministic, and one ledger
  --kept             the same with any number of ledgers, with or without state, and a store for what its calls come to
  --joins            of a pipeline that reads two sources in one stage
  --break <rule>     with that rule of the protocol broken, until a seed shows it; 'list' names the rules
  --help

The last line is {"seeds", "firstSeed", "failed"}: how many were run, from which on, how many of them failed.
Exit code: 0 if none failed; with --break, 0 if one was found. 1 otherwise, 2 for wrong options.
`

/** Throws `TypeError` for what there isn't. */
export function optionsFrom(args: readonly string[]): Options | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      'first-seed': { type: 'string', default: '1' },
      asks: { type: 'boolean', default: false },
      kept: { type: 'boolean', default: false },
      joins: { type: 'boolean', default: false },
      break: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  if (values.break === 'list') return 'list'
  if ((values.asks || values.kept) && values.joins) throw new TypeError('--asks and --joins are of different pipelines')
  return {
    seeds: whole('--seeds', values.seeds),
    firstSeed: whole('--first-seed', values['first-seed']),
    asks: values.asks || values.kept,
    kept: values.kept,
    joins: values.joins,
    rule: values.break === undefined ? null : ruleNamed(values.break),
  }
}

function whole(option: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new TypeError(`${option} must be a number above zero, got ${text}`)
}
