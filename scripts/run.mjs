import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** Runs a command in the project's root with this terminal. Throws where it fails. */
export async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
  // Ctrl-C reaches the child too; it is the one to end, and this process ends after it.
  const wait = () => {}
  process.on('SIGINT', wait)
  try {
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (status, signal) => resolve(status ?? signal))
    })
    if (code !== 0) throw new CommandFailed(command, args, code)
  } finally {
    process.off('SIGINT', wait)
  }
}

/** Runs a program of an installed package with this Node. */
export function bin(path, args) {
  return run(process.execPath, [fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url)), ...args])
}

/** Runs the npm that runs this script, or the one on PATH. */
export function npm(args) {
  const { npm_execpath: path } = process.env
  return path?.endsWith('.js') ? run(process.execPath, [path, ...args]) : run('npm', args)
}

/** A command that has told its own failure on the terminal: nothing is to be added to its last line. */
class CommandFailed extends Error {
  constructor(command, args, code) {
    super(`${[command, ...args].join(' ')} ended with ${code}`)
    this.exitCode = typeof code === 'number' ? code : 1
  }
}

/** Runs `main` where the module is what Node was started with. */
export async function runIfMain(url, main) {
  if (process.argv[1] !== fileURLToPath(url)) return
  try {
    await main()
  } catch (error) {
    if (!(error instanceof CommandFailed)) say(error instanceof Error ? error.message : String(error))
    process.exitCode = error instanceof CommandFailed ? error.exitCode : 1
  }
}
