/** `npm run fuzz`: see `usage`. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.js'

const usage = `npm run fuzz -- [options]     mutated record batches against a plain second decoder

  --batches <n>   how many (20000)
  --seed <n>      of the random numbers (1)
  --first <n>     the number of the first batch (0): with --batches 1, one again that was told
`

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      batches: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      first: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(usage)
  const [batches, seed, first] = [
    wholeNumber('--batches', values.batches, 1),
    wholeNumber('--seed', values.seed, 0),
    wholeNumber('--first', values.first, 0),
  ]
  const begun = performance.now()
  const onProgress = (done: number): void => {
    if (done % 50_000 === 0) process.stderr.write(`${done} batches, ${seconds(begun)} s\n`)
  }
  const report = await fuzz({ batches, seed, first, onProgress })
  process.stdout.write(`${JSON.stringify({ ...report, seconds: seconds(begun) })}\n`)
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 1_000)
}

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new TypeError(`${option} must be a whole number of at least ${least}, got ${text}`)
}
