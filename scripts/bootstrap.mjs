/**
 * Installs what package-lock.json names, where it isn't installed yet. Needs nothing but Node, so that a fresh clone can
 * start with it. Install scripts stay blocked: everything native here comes as a prebuilt package.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { npm, runIfMain, say } from './run.mjs'

const root = new URL('..', import.meta.url)

export async function bootstrap() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Tidemark needs Node 20.19 or later; this is ${process.version}`)
  }
  if (isInstalled()) return
  say('installing dependencies: npm ci')
  await npm(['ci', '--ignore-scripts', '--loglevel=error'])
}

/** By content, not by age: a newer lock file that asks for nothing new must not tear node_modules down. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json')
  const wanted = packagesOf('package-lock.json')
  if (installed === null || wanted === null) return false
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === '' || link) return true
    const found = installed[path]
    // Binaries for other platforms are named and not there.
    return found === undefined ? optional === true : found.version === version
  })
}

/** @returns {Record<string, { version?: string, optional?: boolean, link?: boolean }> | null} */
function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(fileURLToPath(new URL(lockFile, root)), 'utf8')).packages
  } catch {
    return null
  }
}

await runIfMain(import.meta.url, bootstrap)
