/** `npm run bench -- <benchmark>`: builds what is stale, then measures. */
import { bootstrap } from './bootstrap.mjs'
import { runIfMain } from './run.mjs'

await runIfMain(import.meta.url, async () => {
  await bootstrap()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
  const { main } = await import('../dist/bench/main.js')
  await main(process.argv.slice(2))
})
