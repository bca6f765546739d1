import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { posix } from 'node:path'
import { projectRoot, sourceFiles } from './project-files.js'

/** One import or re-export of a file. */
export interface Import {
  readonly from: string
  /** A file of this project, as a path from its root; or a package's name; or `node:…`. */
  readonly to: string
  /** Erased by the compiler: the module isn't loaded for it. */
  readonly typeOnly: boolean
}

// With `verbatimModuleSyntax` only `import type` and `export type` are erased, not `import { type A }`.
const STATIC = /^(?:import|export)\s+(type\s)?(?:[\w$*\s{},]+?\sfrom\s*)?(['"])([^'"\n]+)\2/gm
const DYNAMIC = /\b(?:import|require|require\.resolve|import\.meta\.resolve)\(\s*(['"])([^'"\n]+)\1/g

export function importsOf(file: string, text: string): Import[] {
  const found = (specifier: string, typeOnly: boolean): Import => ({
    from: file,
    to: target(file, specifier),
    typeOnly,
  })
  return [
    ...Array.from(text.matchAll(STATIC), ([, type, , specifier]) => found(specifier ?? '', type !== undefined)),
    ...Array.from(text.matchAll(DYNAMIC), ([, , specifier]) => found(specifier ?? '', false)),
  ]
}

/** All imports of the library: of `src`, `workflows` and `activities`. */
export function libraryImports(): Import[] {
  return sourceFiles('src', 'workflows', 'activities').flatMap((file) =>
    importsOf(file, readFileSync(join(projectRoot, file), 'utf8')),
  )
}

/** How a file is loaded with all it loads: the chain from `entry` to every file or package that isn't erased. */
export function loadedFrom(entry: string, imports: readonly Import[]): Map<string, readonly string[]> {
  const chains = new Map<string, readonly string[]>([[entry, [entry]]])
  for (const [file, chain] of chains) {
    for (const { from, to, typeOnly } of imports) {
      if (from === file && !typeOnly && !chains.has(to)) chains.set(to, [...chain, to])
    }
  }
  return chains
}

function target(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts')
  if (specifier.startsWith('node:')) return specifier
  const [scope = '', name = ''] = specifier.split('/')
  if (builtinModules.includes(scope)) return `node:${specifier}`
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
