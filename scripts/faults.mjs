/** `npm run faults`: installs and builds what is missing, then lets faults hit. */
import { bootstrap } from './bootstrap.mjs'
import { runIfMain } from './run.mjs'

await runIfMain(import.meta.url, async () => {
  await bootstrap()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
  const { main } = await import('../dist/faults/main.js')
  process.exitCode = await main(process.argv.slice(2))
})
