import type { Import } from './import-graph.js'

/** What the files of one part may import, by prefix of a path, a package's name or `node:`. */
interface Rule {
  readonly part: string
  readonly values: readonly string[]
  /** By `import type` only, besides `values`. */
  readonly types?: readonly string[]
}

const vocabulary = ['src/units.ts', 'src/errors/']
const definition = [...vocabulary, 'src/definition/']
const engine = [...definition, 'src/steps/', 'src/protocol/', 'src/engine/']
const node = 'node:'

/** The first rule whose `part` a file's path begins with counts. Nothing below names tests, examples or benchmarks. */
export const rules: readonly Rule[] = [
  { part: 'src/units.ts', values: [] },
  { part: 'src/errors/', values: ['src/units.ts'], types: ['src/definition/'] },
  { part: 'src/steps/', values: definition },
  { part: 'src/definition/', values: [...vocabulary, 'src/steps/', 'zod', 'node:buffer', 'node:crypto'] },
  { part: 'src/protocol/', values: ['src/units.ts', 'src/errors/catalog.ts'], types: ['src/definition/'] },
  { part: 'src/index.ts', values: definition },

  { part: 'src/engine/', values: [...engine, node] },
  { part: 'src/control/', values: [...engine, '@temporalio/client', '@temporalio/common', 'zod', node] },
  {
    part: 'src/connectors/kafka/',
    values: [...definition, 'kafkajs', '@node-rs/crc32', 'snappy', 'lz4-napi', 'fzstd', 'zod', node],
  },
  { part: 'src/connectors/', values: [...definition, 'zod', node] },
  { part: 'src/testing/', values: [...engine, 'zod', node] },

  {
    part: 'workflows/',
    values: ['@temporalio/workflow', 'src/protocol/', 'src/errors/catalog.ts', 'src/units.ts'],
    types: ['@temporalio/common', 'activities/', 'src/definition/'],
  },
  { part: 'activities/', values: [...engine, 'src/control/', '@temporalio/activity', '@temporalio/common', node] },
  {
    part: 'src/plugin/',
    values: [
      ...[...engine, 'src/control/', 'src/connectors/kafka/kafka-connection.ts', 'activities/', 'zod', node],
      ...['@temporalio/client', '@temporalio/common', '@temporalio/plugin', '@temporalio/worker'],
    ],
  },
  {
    part: 'src/client/',
    values: [...definition, 'src/protocol/', 'src/control/', '@temporalio/client', '@temporalio/common', 'zod', node],
    types: ['workflows/'],
  },
  { part: 'src/dev/', values: [...vocabulary, '@temporalio/client', 'kafkajs', 'zod', node] },
  {
    part: 'src/cli/',
    values: [
      ...[...definition, 'src/protocol/', 'src/plugin/', 'src/client/', 'src/dev/', 'src/connectors/kafka/'],
      ...['@temporalio/client', '@temporalio/common', '@temporalio/envconfig', '@temporalio/worker'],
      ...['commander', 'picocolors', 'zod', node],
    ],
  },
]

/** What breaks the rules, one readable line each. */
export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to, typeOnly }) => {
    const rule = rules.find(({ part }) => from.startsWith(part))
    if (rule === undefined) return [`${from} belongs to no part: name it in test/contract/import-rules.ts`]
    const { part, values, types = [] } = rule
    const within = (allowed: readonly string[]): boolean =>
      allowed.some((prefix) => (/[/:]$|\.ts$/.test(prefix) ? to.startsWith(prefix) : to === prefix))
    if (within([...values, part]) || (typeOnly && within(types))) return []
    const how = within(types) ? `may import ${to} by 'import type' only` : `must not import ${to}`
    return [`${from} ${how}: ${part} is allowed ${[...values, ...types.map((t) => `types of ${t}`)].join(', ')}`]
  })
}
