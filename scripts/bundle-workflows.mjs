import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'

import { root } from './run.mjs'

const MARK = '//# sourceMappingURL=data:'
const BASE64 = 'base64,'

/**
 * Writes `workflow-bundle.js`, and `workflow-bundle.json` that names the SDK inside: the plugin uses the bundle where the
 * installed SDK is that one. The code is unminified, so that its stack traces can be read without this machine.
 */
export async function bundleWorkflows(workflowsPath, directory) {
  const code = join(directory, 'workflow-bundle.js')
  const about = join(directory, 'workflow-bundle.json')
  rmSync(about, { force: true })
  const bundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') })
  writeFileSync(code, withoutMachinePaths(bundle.code))
  writeFileSync(about, `${JSON.stringify({ sdk: sdkVersion() })}\n`)
}

/** The SDK insists on an inline source map. Its paths become relative to the project, the sources inside it are left out. */
function withoutMachinePaths(code) {
  const at = code.lastIndexOf(MARK)
  const map = JSON.parse(Buffer.from(code.slice(code.indexOf(BASE64, at) + BASE64.length), 'base64').toString())
  const lean = {
    version: map.version,
    file: 'workflow-bundle.js',
    names: map.names,
    sources: map.sources.map((path) => path.replace(root, '')),
    mappings: map.mappings,
  }
  return `${code.slice(0, at)}${MARK}application/json;charset=utf-8;${BASE64}${Buffer.from(JSON.stringify(lean)).toString('base64')}\n`
}

function sdkVersion() {
  const require = createRequire(import.meta.url)
  return JSON.parse(readFileSync(require.resolve('@temporalio/worker/package.json'), 'utf8')).version
}
