import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const { NO_COLOR: _, FORCE_COLOR: __, ...withoutColours } = process.env
const built = (path: string): string => resolve('dist/src', path)

test('a command ends, whatever the module of pipelines keeps open, and colours nothing that is no terminal', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-'))
  const module = join(directory, 'pipelines.mjs')
  const from = (path: string): string => JSON.stringify(pathToFileURL(built(path)).href)
  await writeFile(
    module,
    `import { definePipeline, json } from ${from('index.js')}
    import { fileSink } from ${from('connectors/file/index.js')}
    import { kafkaSource } from ${from('connectors/kafka/index.js')}
    export const copies = definePipeline({
      name: 'copies',
      sources: { numbers: kafkaSource({ topic: 'numbers', value: json() }) },
      steps: ({ numbers }) => numbers.to('files', fileSink({ directory: 'out' })),
    })
    setInterval(() => {}, 1_000)`,
  )
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [built('cli/main.js'), 'explain', module], {
      timeout: 100_000,
      env: { ...withoutColours, CI: 'true' },
    })
    expect(stdout).toContain('copies: exactly-once')
  } finally {
    await rm(directory, { recursive: true })
  }
})
