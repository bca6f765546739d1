/**
 * `npm run soak -- [--minutes N] [--seed S]`: what `npm test` has no time for, one after the other. Every sink under faults,
 * with and without state, then the simulation and the fuzzer. The last line is JSON; exit code 1 where anything was wrong.
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'

import { bootstrap } from './bootstrap.mjs'
import { root, runIfMain, say } from './run.mjs'

const USAGE = `npm run soak -- [options]     every kind of sink and of state under faults, then simulation and fuzzer

  --minutes <n>   faults in each run (10): 9 runs, so about 110 minutes in all
  --seed <n>      of all of them (1)
`

const FAULT_RUNS = ['kafka', 'postgres', 'file', 's3']
  .map((sink) => ({ sink, state: 'none', store: 'memory' }))
  .concat(['kafka', 'postgres'].flatMap((sink) => ['inline', 's3'].map((state) => ({ sink, state, store: 'memory' }))))
  .concat({ sink: 'kafka', state: 's3', store: 'disk' })

await runIfMain(import.meta.url, async () => {
  const { minutes, seed, help } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  }).values
  if (help) return void process.stdout.write(USAGE)
  await bootstrap()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
  const runs = [
    ...FAULT_RUNS.map(({ sink, state, store }) => [
      'faults',
      '--minutes',
      minutes,
      '--sink',
      sink,
      '--state',
      state,
      '--store',
      store,
      '--json',
    ]),
    ['simulate', '--seeds', '50000', '--first-seed', seed],
    ['fuzz', '--batches', '1000000'],
  ]
  const wrong = []
  for (const [script, ...args] of runs) {
    const all = script === 'simulate' ? args : [...args, '--seed', seed]
    const command = [script, ...all].join(' ')
    say(`\n${command}`)
    const { code, last } = await lastLineOf(script, all)
    say(last)
    if (code !== 0) wrong.push(command)
  }
  process.stdout.write(`${JSON.stringify({ seed: Number(seed), runs: runs.length, wrong })}\n`)
  process.exitCode = wrong.length === 0 ? 0 : 1
})

/** @returns {Promise<{ code: number, last: string }>} */
async function lastLineOf(script, args) {
  const path = [`scripts/${script}.mjs`, ...args]
  const child = spawn(process.execPath, path, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text))
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve(status ?? 1))
  })
  return { code, last: out.trimEnd().split('\n').at(-1) ?? '' }
}
