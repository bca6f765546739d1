import type { Difference, Verdict } from '../../rerun/verify.js'
import type { Colors } from '../terminal.js'
import { count, plural } from './numbers.js'

/** Whether code, history and ledgers don't agree. */
export const isWrong = ({ difference, ledgers }: Verdict): boolean =>
  difference !== null || (ledgers !== null && ledgers.differing.length > 0)

/** What came of one task, in a few lines. */
export function verdictView(verdict: Verdict, colors: Colors): string {
  const { stage, partition, generation, epochs, from, to, records, runs, ledgers, difference } = verdict
  const task = colors.bold(`${stage}/${partition}`)
  if (from === null) return `${task}  generation ${generation} has not come so far: nothing to verify`
  const range = epochs === 0 ? `epoch ${from}` : `epochs ${from} to ${to ?? from}`
  const found = `${plural(records, 'record')} executed again, from ${plural(runs, 'workflow run')}`
  if (difference !== null) return [`${task}  ${colors.red('differs')}`, ...differenceLines(difference)].join('\n')
  const lines = [`${task}  ${colors.green('verified')}: ${range} of generation ${generation}, ${found}`]
  if (ledgers !== null) {
    if (ledgers.matching.length > 0) lines.push(`  the newest receipt of ${ledgers.matching.join(', ')} says the same`)
    if (ledgers.differing.length > 0)
      lines.push(
        colors.red(
          `  the newest receipt of ${ledgers.differing.join(', ')} says something else than the newest checkpoint`,
        ),
      )
  }
  return lines.join('\n')
}

function differenceLines({ epoch, ledger, expected, found, cause, steps }: Difference): string[] {
  const named = steps.map((step) => `'${step}'`).join(', ')
  const because: Readonly<Record<Difference['cause'], string>> = {
    'non-deterministic': `${named} makes something else of the same records each time: it depends on clock, random numbers, I/O, or what it has seen before`,
    changed: `the code of ${named} is not what ran then`,
    plan: 'the plan is not the one that ran then: other steps, settings or wiring',
    unknown:
      'no step is another, and executed twice they agree: what they call or read from outside has changed, or the records or the history itself',
  }
  return [
    `  epoch ${count(epoch)}, ledger '${ledger}': recorded digest ${expected}`,
    `  ${' '.repeat(`epoch ${count(epoch)}, ledger '${ledger}'`.length)}  executed again ${found}`,
    `  ${because[cause]}`,
  ]
}
