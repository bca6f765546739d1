/** `npm run bench -- <benchmark>`: measures Tidemark on this machine. */
import { checkpoints } from './checkpoints.js'
import { consume } from './consume.js'
import { copy } from './copy.js'
import { optionsFrom, usage } from './options.js'
import { state } from './state.js'

export async function main(args: readonly string[]): Promise<void> {
  const options = optionsFrom(args)
  if (options === null) process.stdout.write(usage)
  else if (options.benchmark === 'consume') await consume(options)
  else if (options.benchmark === 'copy') await copy(options)
  else if (options.benchmark === 'state') await state(options)
  else await checkpoints(options)
}
