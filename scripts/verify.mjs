/** `npm run verify`: everything that has to hold before a change goes in. The tests come last, with their own last line. */
import { bootstrap } from './bootstrap.mjs'
import { npm, runIfMain, say } from './run.mjs'

const steps = ['format:check', 'lint', 'types', 'build', 'exports:check', 'test']

await runIfMain(import.meta.url, async () => {
  await bootstrap()
  for (const step of steps) {
    say(`\n> ${step}`)
    await npm(['run', '--silent', step])
  }
})
