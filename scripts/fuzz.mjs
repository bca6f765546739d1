/** `npm run fuzz`: builds what is stale, then reads mutated record batches. */
import { bootstrap } from './bootstrap.mjs'
import { runIfMain } from './run.mjs'

await runIfMain(import.meta.url, async () => {
  await bootstrap()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
  const { main } = await import('../dist/test/fuzz/main.js')
  await main(process.argv.slice(2))
})
