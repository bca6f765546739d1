/** `npm run simulate`: see `usage`. */
import { register } from 'node:module'
import { optionsFrom, usage } from './options.js'
import type { Replaced } from './module-hooks.js'
import { rules } from './rules.js'

/** Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  let options: ReturnType<typeof optionsFrom>
  try {
    options = optionsFrom(args)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
  if (options === 'help') {
    say(usage)
    return 0
  }
  if (options === 'list') {
    const width = Math.max(...rules.map(({ name }) => name.length))
    for (const { name, clause, instead } of rules) say(`${name.padEnd(width)}  §${clause.padEnd(4)} ${instead}`)
    return 0
  }
  const { seeds, firstSeed, rule, asks, kept, joins } = options
  const data: Replaced = { root: new URL('../../', import.meta.url).href, breaks: rule?.breaks ?? [] }
  register('./module-hooks.js', import.meta.url, { data })
  // Only now: what it imports is to go by the hooks.
  const { search } = await import('./search.js')
  const untilFound = rule !== null
  const found = await search({ seeds, firstSeed, options: { asks, kept, joins, ...rule?.options }, untilFound, say })
  say(JSON.stringify(found))
  return found.failed > 0 === (rule !== null) ? 0 : 1
}
