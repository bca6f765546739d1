/**
 * The program of the process that stands between us and a server. It lives as long as its channel to us: when we end in
 * whatever way, `kill -9` included, it ends the server with everything that started, removes the temporary directories and
 * exits. Source text, because it runs by itself in plain Node (`node -e`) from dist/ and from TypeScript sources alike.
 */
export const supervisorSource = `
const { spawn } = require('node:child_process')
const { closeSync, openSync, rmSync } = require('node:fs')

const { command, args, cwd, env, logFile, removeAtEnd, endSignal, graceMs, user } = JSON.parse(process.argv[1])
let server = null
let ending = false

function report(message) {
  if (process.connected) process.send(message, () => {})
}

function start() {
  const log = openSync(logFile, 'a')
  // A group of its own: a launcher script is signalled together with what it launched.
  const as = { cwd, env: { ...process.env, ...env }, ...user }
  const child = spawn(command, args, { ...as, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  server = child
  let over = false
  const ended = (exit) => {
    if (over) return
    over = true
    // The process has ended; what it started has not, perhaps.
    signal('SIGKILL')
    server = null
    report({ event: 'exited', ...exit })
    if (ending) finish()
  }
  child.once('error', (error) => ended({ code: null, signal: null, error: error.message }))
  child.once('exit', (code, signal) => ended({ code, signal }))
  if (child.pid !== undefined) report({ event: 'started', pid: child.pid })
}

function signal(name) {
  if (server === null || server.pid === undefined) return
  try {
    process.kill(-server.pid, name)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

function end() {
  if (ending) return
  ending = true
  if (server === null) return finish()
  signal('SIGCONT')
  signal(endSignal)
  setTimeout(() => signal('SIGKILL'), graceMs)
}

function finish() {
  for (const path of removeAtEnd) rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  process.exit(0)
}

process.on('message', (message) => {
  if (message.do === 'start' && !ending) start()
  if (message.do === 'signal') signal(message.signal)
  if (message.do === 'end') end()
})
process.on('disconnect', end)
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, end)
`
