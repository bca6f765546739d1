/** Imports go one way: from the outer parts (plugin, client, CLI) inwards, and out of workflows into nothing but words. */
import { describe, expect, it } from 'vitest'
import { importsOf, libraryImports, loadedFrom } from './import-graph.js'
import { rules, violations } from './import-rules.js'

const imports = libraryImports()

describe('imports', () => {
  it('are read from every way of writing them', () => {
    const text = [
      `import { a } from './a.js'`,
      `import type { B } from '../b.js'`,
      `import {\n  c,\n  type D,\n} from "@temporalio/workflow/lib/c.js"`,
      `export * from './e.js'`,
      `export type { F } from './f.js'`,
      `import './g.js'`,
      `import zod, { z } from 'zod'`,
      `const h = await import('crypto')`,
      `const path = require.resolve('kafkajs/package.json')`,
      `const text = "import { x } from './not-an-import.js'"`,
    ].join('\n')
    expect(importsOf('src/engine/x.ts', text).map(({ to, typeOnly }) => (typeOnly ? `type ${to}` : to))).toEqual([
      'src/engine/a.ts',
      'type src/b.ts',
      '@temporalio/workflow',
      'src/engine/e.ts',
      'type src/engine/f.ts',
      'src/engine/g.ts',
      'zod',
      'node:crypto',
      'kafkajs',
    ])
  })

  it('go where the rules allow', () => {
    expect(imports.length).toBeGreaterThan(300)
    expect(violations(imports)).toEqual([])
  })

  it('are ruled for parts that exist', () => {
    const files = new Set(imports.map(({ from }) => from))
    const unused = rules.filter(
      ({ part }) => part !== 'src/units.ts' && ![...files].some((file) => file.startsWith(part)),
    )
    expect(unused.map(({ part }) => part)).toEqual([])
  })
})

describe('the workflow sandbox', () => {
  const loaded = loadedFrom('workflows/index.ts', imports)

  it('is entered by words alone, and through no barrel', () => {
    const allowed = /^(workflows\/|src\/protocol\/|src\/errors\/catalog\.ts$|src\/units\.ts$|@temporalio\/workflow$)/
    const chains = [...loaded].filter(([file]) => !allowed.test(file) || /(?<!^workflows)\/index\.ts$/.test(file))
    expect(chains.map(([, chain]) => chain.join(' → '))).toEqual([])
    expect(loaded.has('src/protocol/names.ts')).toBe(true)
  })
})

describe('definitions', () => {
  it.each([
    'src/index.ts',
    'src/connectors/file/index.ts',
    'src/connectors/kafka/index.ts',
    'src/connectors/lmdb/index.ts',
    'src/connectors/postgres/index.ts',
    'src/connectors/s3/index.ts',
  ])('%s can be imported without loading Temporal or the engine', (entry) => {
    const heavy = [...loadedFrom(entry, imports)].filter(([file]) => /^(@temporalio\/|src\/engine\/)/.test(file))
    expect(heavy.map(([, chain]) => chain.join(' → '))).toEqual([])
  })
})
