import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { DataConverter } from '@temporalio/common'
import type { WorkerOptions } from '@temporalio/worker'

const require = createRequire(import.meta.url)

/** Path of `tidemark/workflows`, for bundles of one's own and for replay. */
export const workflowsPath = fileURLToPath(new URL('../../workflows/index.js', import.meta.url))

const bundlePath = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url))
const stampPath = fileURLToPath(new URL('./workflow-bundle.json', import.meta.url))

/**
 * The code of our workflows for a worker of ours: the bundle built with this package, which starts at once, or a fresh
 * one where the SDK is another version, or the user's workflow interceptors or converters have to be in it.
 */
export function workflowCode(
  workflowModules: readonly string[],
  { payloadConverterPath, failureConverterPath }: DataConverter = {},
): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const own = workflowModules.length > 0 || payloadConverterPath !== undefined || failureConverterPath !== undefined
  if (!own && bundledFor() === sdkVersion()) return { workflowBundle: { codePath: bundlePath } }
  return { workflowsPath }
}

/**
 * Running workflow code is ended by force after that long; by default after 5 s. A process that was stopped for longer in its
 * midst would die of that on waking, with Node's `async hook stack has become corrupted`. These workflows can't loop. The
 * SDK takes this option, though its types don't tell.
 */
export const uninterrupted = { isolateExecutionTimeout: 24 * 3_600_000 }

function bundledFor(): unknown {
  if (!existsSync(bundlePath) || !existsSync(stampPath)) return undefined
  const stamp: unknown = JSON.parse(readFileSync(stampPath, 'utf8'))
  return typeof stamp === 'object' && stamp !== null && 'sdk' in stamp ? stamp.sdk : undefined
}

function sdkVersion(): unknown {
  const manifest: unknown = require('@temporalio/worker/package.json')
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null
}
