/** `npm test`: installs and builds what is missing, then runs vitest with the given options. */
import { bootstrap } from './bootstrap.mjs'
import { bin, runIfMain } from './run.mjs'

await runIfMain(import.meta.url, async () => {
  await bootstrap()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
  await bin('vitest/vitest.mjs', ['run', ...process.argv.slice(2)])
})
