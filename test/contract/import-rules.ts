import type { Import } from './import-graph.js'

interface Rule {
  /** Of files whose path begins with this. */
  readonly part: string
  /** What they may import: prefixes of paths, names of packages, `node:`. Each part may import itself. */
  readonly values: readonly string[]
  /** What they may import by `import type` only. */
  readonly types?: readonly string[]
}

const list = (text: string): string[] => text.split(' ')
const definition = list('src/units.ts src/errors/ src/definition/')
const engine = [...definition, ...list('src/steps/ src/state/ src/protocol/ src/engine/')]

/** The first rule that a file comes under counts. Tests, examples and benchmarks are in nobody's list. */
export const rules: readonly Rule[] = [
  { part: 'src/units.ts', values: [] },
  { part: 'src/errors/', values: ['src/units.ts'], types: ['src/definition/'] },
  { part: 'src/state/', values: list('src/units.ts src/errors/ node:'), types: ['src/protocol/', 'src/definition/'] },
  { part: 'src/steps/', values: [...definition, 'src/state/'] },
  { part: 'src/definition/', values: [...definition, ...list('src/steps/ src/state/ zod node:buffer node:crypto')] },
  { part: 'src/protocol/', values: list('src/units.ts src/errors/catalog.ts'), types: ['src/definition/'] },
  { part: 'src/index.ts', values: definition },

  { part: 'src/engine/', values: [...engine, 'node:'] },
  { part: 'src/control/', values: [...engine, ...list('@temporalio/client @temporalio/common zod node:')] },
  {
    part: 'src/connectors/kafka/',
    values: [...definition, ...list('kafkajs @node-rs/crc32 snappy lz4-napi zod node:')],
  },
  {
    part: 'src/connectors/postgres/',
    values: [...definition, ...list('src/connectors/state-options.ts pg zod node:')],
  },
  {
    part: 'src/connectors/temporal/',
    values: [...definition, ...list('src/connectors/in-parallel.ts @temporalio/client @temporalio/common node:')],
  },
  {
    part: 'src/connectors/s3/',
    values: [
      ...definition,
      ...list('src/connectors/ledger-chain/ src/connectors/lines/ src/connectors/in-parallel.ts'),
      ...list('src/connectors/state-options.ts @aws-sdk/client-s3 zod node:'),
    ],
  },
  { part: 'src/connectors/lmdb/', values: [...definition, ...list('src/connectors/state-options.ts lmdb zod node:')] },
  { part: 'src/connectors/', values: [...definition, ...list('zod node:')] },
  { part: 'src/testing/', values: [...engine, ...list('zod node:')] },

  {
    part: 'workflows/',
    values: list('@temporalio/workflow src/protocol/ src/errors/catalog.ts src/units.ts'),
    types: list('@temporalio/common activities/ src/definition/'),
  },
  {
    part: 'activities/',
    values: [...engine, ...list('src/control/ @temporalio/activity @temporalio/common node:')],
  },

  {
    part: 'src/plugin/',
    values: [
      ...engine,
      ...list('src/control/ activities/ zod node:'),
      ...list('src/connectors/kafka/kafka-connection.ts src/connectors/postgres/postgres-connection.ts'),
      ...list('src/connectors/http/http-connection.ts src/connectors/temporal/client.ts'),
      ...list('src/connectors/s3/s3-connection.ts'),
      ...list('@temporalio/client @temporalio/common @temporalio/plugin @temporalio/worker'),
    ],
  },
  { part: 'src/rerun/', values: [...engine, ...list('src/control/ @temporalio/client node:')] },
  {
    part: 'src/client/',
    values: [...definition, ...list('src/protocol/ src/control/ @temporalio/client @temporalio/common zod node:')],
    types: ['workflows/'],
  },
  { part: 'src/dev/', values: list('src/units.ts src/errors/ @temporalio/client kafkajs pg zod node:') },
  {
    part: 'src/cli/',
    values: [
      ...definition,
      ...list(
        'src/protocol/ src/plugin/ src/client/ src/rerun/ src/dev/ src/connectors/kafka/ commander picocolors zod node:',
      ),
      ...list('@temporalio/client @temporalio/common @temporalio/envconfig @temporalio/worker'),
    ],
  },
]

/** What breaks the rules, a readable line each. */
export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to, typeOnly }) => {
    const rule = rules.find(({ part }) => from.startsWith(part))
    if (rule === undefined) return [`${from} belongs to no part: give it one in test/contract/import-rules.ts`]
    const { part, values, types = [] } = rule
    const isIn = (names: readonly string[]): boolean =>
      names.some((name) => (/[/:]$/.test(name) ? to.startsWith(name) : to === name))
    if (isIn([...values, part]) || (typeOnly && isIn(types))) return []
    const how = isIn(types) ? `may import ${to} by 'import type' only` : `must not import ${to}`
    return [`${from} ${how}. Of ${part}: ${[...values, ...types.map((name) => `types of ${name}`)].join(', ')}`]
  })
}
