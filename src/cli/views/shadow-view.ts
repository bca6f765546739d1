import type { OutputChange, Shadow } from '../../rerun/shadow.js'
import type { Colors } from '../terminal.js'
import { count, plural } from './numbers.js'

/** How one task's outputs differ, and the first of those that do. */
export function shadowView(shadow: Shadow, colors: Colors): string {
  const { stage, partition, generation, from, to, records, same, changed, added, removed, examples } = shadow
  const task = colors.bold(`${stage}/${partition}`)
  if (from === null) return `${task}  generation ${generation} has no epoch there: nothing to compare`
  const differing = changed + added + removed
  const range = `epochs ${from} to ${to ?? from} of generation ${generation}, ${plural(records, 'record')}`
  if (differing === 0) return `${task}  ${colors.green('the same')}: ${plural(same, 'output')} of ${range}`
  const lines = [
    `${task}  ${colors.yellow(plural(differing, 'output'))} of ${count(same + differing)} differ: ${range}`,
    `  ${count(changed)} changed · ${count(added)} added · ${count(removed)} removed · ${count(same)} the same`,
    ...examples.flatMap((change) => exampleLines(change, colors)),
  ]
  if (examples.length < differing) lines.push(`  and ${count(differing - examples.length)} more`)
  return lines.join('\n')
}

function exampleLines({ epoch, id, was, is }: OutputChange, colors: Colors): string[] {
  return [
    `  epoch ${count(epoch)}, ${id}`,
    ...(was === null ? [] : [colors.red(`    - ${plainText(was)}`)]),
    ...(is === null ? [] : [colors.green(`    + ${plainText(is)}`)]),
  ]
}

/** Outputs may hold anything: columns of rows are parted by zeros. */
const plainText = (output: string): string => output.trimEnd().replace(/\p{Cc}+/gu, ' ')
