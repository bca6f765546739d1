import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { blueprintOf } from '../definition/blueprint-of.js'
import type { Pipeline } from '../definition/pipeline.js'
import { reasonOf } from '../errors/base.js'
import { isTidemarkError } from '../errors/is.js'
import type { TidemarkPluginOptions } from '../plugin/options.js'
import { CommandFailure, EXIT } from './failure.js'

export interface PipelineModule {
  readonly pipelines: readonly Pipeline[]
  /** The module's export `tidemark`: options of the plugin. */
  readonly options: Omit<TidemarkPluginOptions, 'pipelines'>
}

/** The pipelines among a module's exports: each by itself, as default, or in an array. */
export async function loadModule(path: string): Promise<PipelineModule> {
  const file = resolve(path)
  if (!existsSync(file)) {
    const next = 'give the path of a JavaScript module that exports pipelines'
    throw new CommandFailure(`there is no file ${file}`, next, { exitCode: EXIT.usage })
  }
  const exports = await importFrom(file)
  const pipelines = new Set<Pipeline>()
  for (const exported of Object.values(exports)) {
    for (const value of Array.isArray(exported) ? exported : [exported]) if (isPipeline(value)) pipelines.add(value)
  }
  if (pipelines.size === 0) {
    const next = 'export what definePipeline returns'
    throw new CommandFailure(`${file} exports no pipeline`, next, { exitCode: EXIT.usage })
  }
  const { tidemark } = exports
  const options = typeof tidemark === 'object' && tidemark !== null ? tidemark : {}
  return { pipelines: [...pipelines], options }
}

async function importFrom(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    // What is wrong with a definition says so itself.
    if (isTidemarkError(error)) throw error
    const typescript = error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION'
    const next = typescript
      ? 'compile it to JavaScript first, or use a Node.js that runs TypeScript (22.18 or later)'
      : 'see the whole error: give --verbose'
    throw new CommandFailure(`cannot load ${file}: ${reasonOf(error)}`, next, { cause: error })
  }
}

function isPipeline(value: unknown): value is Pipeline {
  if (typeof value !== 'object' || value === null) return false
  try {
    blueprintOf(value as Pipeline)
    return true
  } catch {
    return false
  }
}
