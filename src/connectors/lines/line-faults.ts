import type { Fault } from '../../definition/fault.js'

type Options = Readonly<Record<string, unknown>>
type Check = (path: string, right: boolean, message: string, got: unknown) => void

const OPTIONS = ['format', 'origin', 'path', 'extension']

/** What is wrong with the options of a sink of lines: `own` ones, which `checkOwn` looks at, and those that all have. */
export function lineFaults(
  sink: string,
  options: object,
  own: readonly string[],
  checkOwn: (options: Options, check: Check) => void,
): readonly Fault[] {
  const faults: Fault[] = []
  const check: Check = (path, right, message, got) => {
    if (!right) faults.push({ path, message, got })
  }
  checkOwn(options as Options, check)
  const { format, origin, path, extension } = options as Options
  check('format', format === undefined || hasEncode(format), 'must have an encode function', typeof format)
  check('origin', origin === undefined || typeof origin === 'boolean', 'must be true or false', origin)
  check('origin', origin !== true || format === undefined, 'goes with JSON lines only: leave out `format`', origin)
  check('path', path === undefined || typeof path === 'function', 'must be a function', typeof path)
  const usable = typeof extension === 'string' && /^[a-z0-9]+(\.[a-z0-9]+)*$/i.test(extension)
  check('extension', extension === undefined || usable, 'must be letters and digits', extension)
  // What matches `*.json` would not only be output: the ledger's own end so.
  check('extension', !/(^|\.)(json|entry|part|new)$/i.test(String(extension)), "is one of the ledger's own", extension)
  for (const name of Object.keys(options)) {
    check(name, own.includes(name) || OPTIONS.includes(name), `is no option of ${sink}`, undefined)
  }
  return faults
}

const hasEncode = (format: unknown): boolean =>
  typeof format === 'object' && format !== null && typeof (format as { encode?: unknown }).encode === 'function'
