/**
 * Compiles into dist/, and bundles the workflows once so that workers needn't. What is in dist/ is replaced file by file:
 * programs that run from it keep running.
 */
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

import { bundleWorkflows } from './bundle-workflows.mjs'
import { bin, root, runIfMain, say } from './run.mjs'

const dist = join(root, 'dist')
const cli = join(dist, 'src/cli/main.js')
/** Says which sources dist/ was built from. */
const stamp = join(dist, '.built-from')
const compiled = [
  'src',
  'workflows',
  'activities',
  'examples',
  'bench',
  'faults',
  'test/fixtures',
  'test/oracle',
  'test/setup',
  'test/fuzz',
  'test/simulation',
]
const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']

export async function build() {
  const from = fingerprint()
  rmSync(stamp, { force: true })
  await bin('typescript/bin/tsc', ['-p', 'tsconfig.build.json'])
  copyJava()
  removeLeftovers()
  chmodSync(cli, 0o755)
  await bundleWorkflows(join(dist, 'workflows/index.js'), join(dist, 'src/plugin'))
  writeFileSync(stamp, from)
}

export async function buildIfStale() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()) return
  say('building')
  await build()
}

function fingerprint() {
  const hash = createHash('sha256')
  const sources = compiled.flatMap((directory) => filesBelow(join(root, directory)))
  const scripts = filesBelow(join(root, 'scripts'))
  for (const file of [...settings.map((name) => join(root, name)), ...sources, ...scripts]) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

/** Programs for Java's own client: run from their source, beside what runs them. */
function copyJava() {
  for (const file of filesBelow(join(root, 'test/oracle'))) {
    if (file.endsWith('.java')) copyFileSync(file, join(dist, relative(root, file)))
  }
}

/** Output of sources that are gone. */
function removeLeftovers() {
  for (const file of filesBelow(dist)) {
    const source = relative(dist, file).replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts')
    if (!existsSync(join(root, source)) && !source.startsWith('src/plugin/workflow-bundle.')) rmSync(file)
  }
}

function filesBelow(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

await runIfMain(import.meta.url, build)
