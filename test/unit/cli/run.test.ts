import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { run } from '../../../src/cli/run.js'
import { freePort } from '../../../src/dev/ports.js'
import { captured } from './captured.js'

async function outcome(args: readonly string[], env = {}): Promise<{ code: number; out: string; err: string }> {
  const terminal = captured(env)
  return { code: await run(args, terminal), ...terminal.text }
}

test('--version tells that of the package, and is done', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await outcome(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
})

test('--help tells every command, and is done', async () => {
  const { code, out } = await outcome(['--help'])
  expect(code).toBe(0)
  for (const command of [
    'worker',
    'explain',
    'start',
    'list',
    'status',
    'checkpoints',
    'verify',
    'rewind',
    'fork',
    'shadow',
    'state',
    'pause',
    'resume',
    'drain',
    'cancel',
    'dev',
  ]) {
    expect(out).toMatch(new RegExp(`^  ${command} `, 'm'))
  }
})

test.each([
  [[], 'Usage: tidemark'],
  [['stat'], "unknown command 'stat'"],
  [['status', 'delays', '--fast'], "unknown option '--fast'"],
  [['status', 'delays', 'more'], 'too many arguments'],
  [['checkpoints', 'delays', '--limit', '0'], '--limit'],
  [['verify', 'delays', '--module', 'm.js'], "required option '--epochs <a..b>'"],
  [['verify', 'delays', '--epochs', '9..2', '--module', 'm.js'], '--epochs'],
  [['verify', 'delays', '--epochs', '1..', '--module', './no-such-module.mjs'], 'there is no file'],
  [['rewind', 'delays', '--to', 'Yesterday'], '--to'],
  [['rewind', 'delays'], "required option '--to <where>'"],
  [['fork', 'delays', '--from', '3'], "required option '--as <name>'"],
  [['fork', 'delays', '--as', 'Delays', '--from', '3'], 'kebab-case'],
  [['shadow', 'delays', '--module', 'new.js', '--against', 'old.js', '--from', 'x'], '--from'],
  [['shadow', 'delays', '--module', 'new.js', '--from', '3'], "required option '--against <path>'"],
  [['state', 'delays', '--module', 'm.js'], "missing required argument 'step'"],
  [['state', 'delays', 'per-day', '--module', 'm.js', '--at', '1..2'], '--at'],
  [['savepoint', 'create', 'delays', '1st'], 'kebab-case'],
  [['savepoint', 'delete', 'delays'], "missing required argument 'label'"],
  [['start'], "missing required argument 'name'"],
  [['start', 'Delays'], 'kebab-case'],
  [['start', 'delays', '--from', 'yesterday'], '--from'],
  [['start', 'delays', '--until', 'tomorrow'], "can be 'latest' only"],
  [['start', 'delays', '--checkpoint-interval', 'soon'], '--checkpoint-interval'],
  [['pause', 'delays'], "required option '--reason <text>'"],
  [['pause', 'delays', '--reason', ' '], 'must not be empty'],
  [['pause', 'delays', '--reason', 'x', '--partition', '-1'], '--partition'],
  [['drain', 'delays', '--timeout', '0'], '--timeout'],
  [['worker'], "missing required argument 'module'"],
  [['worker', 'm.js', '--brokers', 'localhost'], 'host:port'],
  [['worker', 'm.js', '--max-tasks', '0'], '--max-tasks'],
  [['worker', './no-such-module.mjs'], 'there is no file'],
  [['explain', './no-such-module.mjs'], 'there is no file'],
  [['dev', '--kafka-port', '70000'], '--kafka-port'],
  [['list', '--profile', 'nowhere'], "Profile 'nowhere' not found"],
])('wrong usage is code 2, and says what is wrong: %j', async (args, message) => {
  const { code, out, err } = await outcome(args, { TEMPORAL_CONFIG_FILE: '/nonexistent' })
  expect(err).toContain(message)
  expect({ code, out }).toEqual({ code: 2, out: '' })
})

test('explain shows the plan of each pipeline of a module, without any server', async () => {
  const module = fileURLToPath(new URL('../../../examples/delayed-flights.ts', import.meta.url))
  const { code, out, err } = await outcome(['explain', module])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain('delayed-flights: exactly-once')
  expect(out).toMatch(/^ {2}source +flights +kafka +topic flights$/m)
  expect(out).toMatch(
    /^ {2}exactly-once: sink '[a-z-]+' \(file\) commits outputs and position together; commits with each/m,
  )
  const json = JSON.parse((await outcome(['explain', module, '--json'])).out) as { readonly pipeline: string }[]
  expect(json.map(({ pipeline }) => pipeline)).toEqual(['delayed-flights'])
})

test('without a server a command fails, and says where it looked and what to do', async () => {
  const address = `127.0.0.1:${await freePort()}`
  const { code, out, err } = await outcome(['list', '--address', address])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(`error: no Temporal server answers at ${address}`)
  expect(err).toMatch(/^next: start one with tidemark dev/m)
  expect(err).not.toMatch(/^ +at /m)
})
