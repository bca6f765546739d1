import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from './project-files.js'

const execute = promisify(execFile)

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** A project of somebody else's with the packed package in its node_modules. */
export interface ScratchProject extends AsyncDisposable {
  readonly directory: string
  /** Of the package, as installed. */
  readonly installed: string
  readonly manifest: Manifest
  /** Paths in the tarball, sorted. */
  readonly packed: readonly string[]
  /** Writes a file of the project. */
  write(path: string, text: string): Promise<void>
  /** Runs a file of the project with this Node, and returns what it printed. Rejects with its output where it fails. */
  node(path: string, ...args: readonly string[]): Promise<string>
  /** Compiles a file of the project, and returns what the compiler complains of; '' if nothing. */
  compile(path: string, compilerOptions: Readonly<Record<string, unknown>>): Promise<string>
}

/**
 * Packs the package as it would be published and unpacks it as npm would install it. Of all else there is what a user
 * gets with it: its dependencies and peers, linked to this project's own, and no development dependency.
 */
export async function scratchProject(): Promise<ScratchProject> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'tidemark-consumer-')))
  const modules = join(directory, 'node_modules')
  const installed = join(modules, 'tidemark')
  await mkdir(installed, { recursive: true })
  const tarball = await pack(directory)
  await execute('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest
  // A consumer in TypeScript has Node's types too.
  const beside = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, '@types/node': '*' })
  for (const name of beside) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(projectRoot, 'node_modules', name), join(modules, name))
  }
  const { stdout } = await execute('tar', ['-tzf', tarball])
  const packed = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
    .toSorted()
  const project: ScratchProject = {
    directory,
    installed,
    manifest,
    packed,
    async write(path, text) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), text)
    },
    async node(path, ...args) {
      return (await execute(process.execPath, [path, ...args], { cwd: directory, maxBuffer: 64 * 1024 * 1024 })).stdout
    },
    async compile(path, options) {
      const always = { strict: true, target: 'es2023', lib: ['es2023', 'esnext.disposable'], types: ['node'] }
      const compilerOptions = { ...always, skipLibCheck: true, ...options }
      await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [path] }))
      const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc')
      const compiler = execute(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: directory })
      // It complains on stdout, and fails.
      return (await compiler.catch((error: unknown) => error as { stdout: string })).stdout.trim()
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
  await project.write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  return project
}

async function pack(directory: string): Promise<string> {
  const args = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', directory]
  const { npm_execpath: npm } = process.env
  const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []]
  // The last line names the tarball.
  const { stdout } = await execute(command, [...before, ...args], { cwd: projectRoot })
  return join(directory, stdout.trim().split('\n').at(-1) ?? '')
}
