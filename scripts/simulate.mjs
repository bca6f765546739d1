/** `npm run simulate -- --seeds N`: builds what is stale, then runs the engine against models of everything around it. */
import { bootstrap } from './bootstrap.mjs'
import { runIfMain } from './run.mjs'

await runIfMain(import.meta.url, async () => {
  await bootstrap()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
  const { main } = await import('../dist/test/simulation/main.js')
  process.exitCode = await main(process.argv.slice(2))
})
