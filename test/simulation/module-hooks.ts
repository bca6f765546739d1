/** Node's module hooks, in the thread that Node runs them in: what a simulation puts in the place of modules. */
import type { LoadHook, ResolveHook } from 'node:module'
import type { Break } from './rules.js'

export interface Replaced {
  /** Of the modules this project is built to, with a slash at its end. */
  readonly root: string
  readonly breaks: readonly Break[]
}

const MARK = '?broken'
let replaced: Replaced = { root: '', breaks: [] }

export function initialize(data: Replaced): void {
  replaced = data
}

const modelled = (path: string): string => new URL(`test/simulation/${path}.js`, replaced.root).href

export const resolve: ResolveHook = async (specifier, context, next) => {
  const { parentURL = '' } = context
  // Workflow code runs on the model of Temporal; nothing else here is a workflow.
  if (specifier === '@temporalio/workflow' && parentURL.startsWith(new URL('workflows/', replaced.root).href)) {
    return { url: modelled('temporal/workflow'), shortCircuit: true }
  }
  const found = await next(specifier, context)
  const isBroken = replaced.breaks.some(({ module }) => found.url === new URL(`${module}.js`, replaced.root).href)
  return isBroken && !parentURL.endsWith(MARK) ? { ...found, url: found.url + MARK } : found
}

export const load: LoadHook = async (url, context, next) => {
  if (!url.endsWith(MARK)) return next(url, context)
  const real = JSON.stringify(url.slice(0, -MARK.length))
  const lines = replaced.breaks
    .filter(({ module }) => url.startsWith(new URL(`${module}.js`, replaced.root).href))
    .map(({ by, names }) => `export const { ${names.join(', ')} } = breaks.${by}(real)`)
  const source = [
    `import * as real from ${real}`,
    `import * as breaks from ${JSON.stringify(modelled('breaks'))}`,
    `export * from ${real}`,
    ...lines,
  ].join('\n')
  return { format: 'module', source, shortCircuit: true }
}
