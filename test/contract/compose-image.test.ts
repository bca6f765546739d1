/**
 * The Dockerfile, executed without Docker: every COPY and RUN of each stage in an empty folder, from the files that git
 * tracks; at the end the image's own ENTRYPOINT. Not executed: `FROM` (the Node at hand stands in for the image's),
 * `USER` and `--chown`. A file outside WORKDIR comes from the base image, so its COPY is checked against a short list instead.
 */
import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { parseDockerfile, type Stage } from '../setup/dockerfile.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const FROM_BASE_IMAGE = ['/etc/ssl/certs/ca-certificates.crt']

let scratch: string
let stages: Stage[]
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'tidemark-test-image-'))
  stages = parseDockerfile(await readFile(join(root, 'Dockerfile'), 'utf8'))
})
// Forty thousand files: Node's own takes several times as long.
afterAll(() => run('rm', ['-rf', scratch]))

/** The last instruction of that name, or nothing. */
const last = (stage: Stage, name: string): string | undefined =>
  stage.instructions.findLast((instruction) => instruction.name === name)?.rest

describe('the image', () => {
  it('is built on pinned versions of the Node that the package asks for', async () => {
    const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { engines: { node: string } }
    const [, lowest = ''] = /^>=(\d+\.\d+)$/.exec(engines.node) ?? []
    for (const { image } of stages) {
      const [, version = ''] = /^node:(\d+\.\d+)\.\d+(-slim)?$/.exec(image) ?? []
      expect(version.localeCompare(lowest, 'en', { numeric: true }), image).toBeGreaterThanOrEqual(0)
    }
  })

  it('is the slim one, runs no install script of a dependency and not as root', () => {
    const final = stages.at(-1)!
    expect(final.image).toMatch(/-slim$/)
    expect(last(final, 'USER')).toBe('node')
    const installs = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ rest }) => /\bnpm (ci|i)\b/.test(rest))
    expect(installs.map(({ rest }) => rest)).toEqual(['npm ci --ignore-scripts'])
  })

  it('builds from what git tracks, and its command line starts', { timeout: 600_000 }, async () => {
    const context = join(scratch, 'context')
    await copyTrackedFiles(context)
    for (const stage of stages) await executeStage(stage, context)
    const final = stages.at(-1)!
    const [command = '', ...args] = JSON.parse(last(final, 'ENTRYPOINT') ?? '[]') as string[]
    const inImage = { cwd: inStage(final, last(final, 'WORKDIR')!), env: environmentOf(final) }
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    expect((await run(command, [...args, '--version'], inImage)).stdout.trim()).toBe(version)
    const byDefault = JSON.parse(last(final, 'CMD') ?? '[]') as string[]
    expect((await run(command, [...args, ...byDefault], inImage)).stdout).toContain('worker')
  })
})

async function copyTrackedFiles(to: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-z'], { cwd: root, maxBuffer: 16 * 1024 * 1024 })
  for (const file of stdout.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(to, file)), { recursive: true })
    await cp(join(root, file), join(to, file))
  }
}

/** The folder that stands for the stage's file system. */
const rootOf = (name: string | null): string => join(scratch, `stage-${name ?? 'final'}`)
const inStage = (stage: Stage, path: string): string => join(rootOf(stage.name), path)

function environmentOf(stage: Stage): NodeJS.ProcessEnv {
  const own = stage.instructions
    .filter(({ name }) => name === 'ENV')
    .map(({ rest }) => rest.split('=', 2) as [string, string])
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], ...Object.fromEntries(own) }
}

async function executeStage(stage: Stage, context: string): Promise<void> {
  let workDirectory = rootOf(stage.name)
  for (const { name, rest } of stage.instructions) {
    if (name === 'WORKDIR') {
      workDirectory = inStage(stage, rest)
      await mkdir(workDirectory, { recursive: true })
    } else if (name === 'COPY') await copy(rest, context, workDirectory)
    else if (name === 'RUN') await runInStage(rest, workDirectory, environmentOf(stage))
    else if (!['ENV', 'USER', 'ENTRYPOINT', 'CMD'].includes(name)) throw new Error(`not known here: ${name} ${rest}`)
  }
}

async function runInStage(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  await run('sh', ['-ec', command], { cwd, env }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`RUN ${command}\n${error.stdout}${error.stderr}`, { cause: error })
  })
}

async function copy(rest: string, context: string, workDirectory: string): Promise<void> {
  const words = rest.split(' ')
  const flags = words.filter((word) => word.startsWith('--'))
  const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length) ?? null
  const [target = '', ...sources] = words.filter((word) => !word.startsWith('--')).toReversed()
  for (const source of sources) {
    if (from !== null && !source.startsWith('/app/')) {
      expect(FROM_BASE_IMAGE).toContain(source)
      continue
    }
    const path = join(from === null ? context : rootOf(from), source)
    // As Docker has it: into a directory if the target ends like one, else under the target's name.
    const to = join(workDirectory, target.endsWith('/') && source !== '.' ? join(target, source) : target)
    // Links in node_modules/.bin stay links. All at once: file by file it takes six times as long.
    cpSync(path, to, { recursive: true, verbatimSymlinks: true })
  }
}
