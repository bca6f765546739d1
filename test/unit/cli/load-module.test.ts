import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { loadModule } from '../../../src/cli/load-module.js'
import { pluginOptions } from '../../../src/cli/plugin-options.js'

const api = JSON.stringify(fileURLToPath(new URL('../../../src/index.ts', import.meta.url)))
const directory = mkdtempSync(join(tmpdir(), 'tidemark-module-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** A module that defines pipelines `a`, `b`, `c` with parts of its own, and exports what is given. */
function moduleWith(name: string, exports: string): string {
  const path = join(directory, name)
  writeFileSync(
    path,
    `import { definePipeline, defineSink, defineSource } from ${api}
const never = async () => { throw new Error('nothing runs here') }
const source = defineSource({ kind: 'test', replayable: true, partitions: never, bounds: never, open: never, decode: () => 1 })
const sink = defineSink({ kind: 'test', mode: 'idempotent', dedupes: true, encode: () => '', open: never })
const make = (name) => definePipeline({ name, sources: { source }, steps: (s) => s.source.to('out', sink) })
const [a, b, c] = ['a', 'b', 'c'].map(make)
${exports}
`,
  )
  return path
}

const namesIn = async (path: string): Promise<string[]> => (await loadModule(path)).pipelines.map(({ name }) => name)

test('pipelines are found by name, as default and in arrays, each once; other exports do not matter', async () => {
  const path = moduleWith(
    'all.mjs',
    `export { a }; export default a; export const more = [b, c, b]; export const x = 5`,
  )
  expect((await namesIn(path)).toSorted()).toEqual(['a', 'b', 'c'])
})

test('a default export alone will do', async () => {
  expect(await namesIn(moduleWith('default.mjs', 'export default [b]'))).toEqual(['b'])
})

test.each([
  ['empty.mjs', 'export const x = { name: "a" }', /exports no pipeline/],
  ['broken.mjs', 'export default a.b.c', /cannot load .*broken\.mjs/],
  ['invalid.mjs', `export default make('A b')`, /kebab-case/],
])('%s is refused', async (name, exports, message) => {
  await expect(loadModule(moduleWith(name, exports))).rejects.toThrow(message)
})

test('a file that is not there is wrong usage', async () => {
  await expect(loadModule(join(directory, 'none.mjs'))).rejects.toMatchObject({ exitCode: 2 })
})

test("the module's own plugin options hold, with flags over them and the environment below them", async () => {
  const module = await loadModule(
    moduleWith(
      'options.mjs',
      `export { a }; export const tidemark = { maxTasks: 7, kafka: { brokers: ['m:1'], ssl: true } }`,
    ),
  )
  const env = { KAFKA_BROKERS: 'e:1' }
  expect(pluginOptions(module, {}, env)).toMatchObject({ maxTasks: 7, kafka: { brokers: ['m:1'], ssl: true } })
  const flags = { brokers: ['f:1'], maxTasks: 3, taskQueue: 'mine', heartbeat: 2_000 } as const
  expect(pluginOptions(module, { ...flags, brokers: ['f:1'] }, env)).toEqual({
    pipelines: module.pipelines,
    maxTasks: 3,
    taskQueue: 'mine',
    heartbeatTimeout: 2_000,
    kafka: { brokers: ['f:1'], ssl: true },
  })
})

test('brokers of the environment are the last resort, and none are fine', async () => {
  const module = await loadModule(moduleWith('plain.mjs', 'export { a }'))
  expect(pluginOptions(module, {}, { TIDEMARK_BROKERS: 'a:1,b:2' }).kafka).toEqual({ brokers: ['a:1', 'b:2'] })
  expect(pluginOptions(module, {}, {})).toEqual({ pipelines: module.pipelines })
  expect(() => pluginOptions(module, {}, { KAFKA_BROKERS: 'nonsense' })).toThrow(/no host:port/)
})
