import { execFile } from 'node:child_process'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
/** `verify` and `shadow` say what they find; nobody reads more of it than this. */
const SHOWN_LINES = 12

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A module of examples/time-travel, as one names it on the command line. */
export const moduleOf = (name: string): string =>
  relative(process.cwd(), fileURLToPath(new URL(`../time-travel/${name}.js`, import.meta.url)))

/** Runs `npx tidemark <args>` as a person would, and shows command and answer. */
export async function tidemark(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  say: (text: string) => void,
): Promise<Outcome> {
  say(`\n$ npx tidemark ${args.join(' ')}`)
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 }
    execFile(process.execPath, [CLI, ...args], options, (error, out, err) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ code, out, err })
      else reject(new Error(`tidemark ${args.join(' ')} was ended`, { cause: error }))
    })
  })
  const lines = `${outcome.out}${outcome.err}`.trimEnd().split('\n')
  const more = lines.length - SHOWN_LINES
  say((more > 0 ? [...lines.slice(0, SHOWN_LINES), `… and ${more} lines more`] : lines).join('\n'))
  return outcome
}
