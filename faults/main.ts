/** `npm run faults`: lets faults hit running pipelines and judges what they make of it. */
import { type FaultOptions, optionsFrom, usage } from './options.js'
import { isGood, type Report, reportOf } from './report.js'
import { runFaults } from './run.js'

/** Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let options: FaultOptions | null
  try {
    options = optionsFrom(args)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return 2
  }
  if (options === null) {
    process.stdout.write(usage)
    return 0
  }
  const report = await reported(options)
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : told(report))
  return isGood(report) ? 0 : 1
}

/** A run that couldn't even begin is one that proves nothing. */
async function reported(options: FaultOptions): Promise<Report> {
  try {
    return await runFaults(options, (line) => process.stderr.write(`${line}\n`))
  } catch (error) {
    const nothing = { byKind: new Map<string, number>(), missed: new Map<string, number>(), recoveryMs: [] }
    return reportOf(options, nothing, [], [error instanceof Error ? error.message : String(error)])
  }
}

function told(report: Report): string {
  const {
    seed,
    sink,
    state,
    store,
    faults,
    byKind,
    records,
    lost,
    duplicated,
    reordered,
    foreign,
    ledgers,
    recoveryMs,
    invalid,
  } = report
  const lines = [
    `seed ${seed}, ${sink} sink, state ${state}, values ${store === 'disk' ? 'on disk' : 'in memory'}: ${faults} faults of ${Object.keys(byKind).length} kinds, ${records} records`,
    `lost ${lost}, duplicated ${duplicated}, reordered ${reordered}, foreign ${foreign}`,
    `next output after a fault or outage: half within ${recoveryMs.p50} ms, 99% within ${recoveryMs.p99} ms, all within ${recoveryMs.max} ms`,
    ...ledgers,
    ...invalid.map((reason) => `the run proves nothing: ${reason}`),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
