/** The package as users get it: packed, unpacked in somebody else's project, every entry used in every way. */
import { copyFile, readFile, rm, stat } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchProject, scratchProject } from './installed-package.js'
import { projectRoot } from './project-files.js'

let project: ScratchProject
beforeAll(async () => {
  project = await scratchProject()
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
})

describe('what is packed', () => {
  it('is the library, its words and its licence', () => {
    const code = /^dist\/(src|workflows|activities)\/.*\.(js|d\.ts|js\.map)$/
    const words = /^(docs\/[\w-]+|[A-Z]+)\.md$/
    const others = project.packed.filter((path) => !code.test(path) && !words.test(path))
    expect(others).toEqual(['LICENSE', 'dist/src/plugin/workflow-bundle.json', 'package.json'])
    expect(project.packed).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'docs/architecture.md']))
    expect(project.packed.filter((path) => /(^|[/.])(test|spec)[/.]/.test(path))).toEqual([])
  })

  it('is licensed as it says', async () => {
    expect(project.manifest.license).toBe('MIT')
    const licence = await readFile(join(project.installed, 'LICENSE'), 'utf8')
    expect(licence).toMatch(/^MIT License\n\nCopyright \(c\) \d{4} .+\n\nPermission is hereby granted, free of charge/)
  })

  it('names no place of the machine it was built on', async () => {
    const places = [projectRoot, homedir(), tmpdir()].map((place) => `${place}/`)
    const found: string[] = []
    for (const path of project.packed) {
      const text = await readFile(join(project.installed, path), 'utf8')
      const maps = text.includes('base64,') ? [text, inlineMap(text)] : [text]
      if (places.some((place) => maps.some((content) => content.includes(place)))) found.push(path)
    }
    expect(found).toEqual([])
  })

  it('has its sources inside its source maps', async () => {
    const maps = project.packed.filter((path) => path.endsWith('.js.map'))
    expect(maps.length).toBeGreaterThan(100)
    for (const path of maps) {
      const map: unknown = JSON.parse(await readFile(join(project.installed, path), 'utf8'))
      const { sources, sourcesContent = [] } = map as { sources: string[]; sourcesContent?: (string | null)[] }
      expect(sources.length, path).toBeGreaterThan(0)
      expect(
        sources.map((_, i) => typeof sourcesContent[i]),
        path,
      ).toEqual(sources.map(() => 'string'))
    }
  })

  it('has every file that its exports and its command name', async () => {
    const named = [...Object.values(project.manifest.exports).flatMap(pathsIn), ...Object.values(project.manifest.bin)]
    expect(named.length).toBeGreaterThan(10)
    for (const path of named) expect((await stat(join(project.installed, path))).isFile(), path).toBe(true)
  })
})

describe('the entries', () => {
  it('load as ES modules and by require, with the same exports', async () => {
    const entries = entriesOf(project)
    await project.write(
      'import.mjs',
      `const names = {}
      for (const entry of ${JSON.stringify(entries)}) names[entry] = Object.keys(await import(entry)).sort()
      console.log(JSON.stringify(names))`,
    )
    await project.write(
      'require.cjs',
      `const names = {}
      for (const entry of ${JSON.stringify(entries)}) names[entry] = Object.keys(require(entry)).sort()
      console.log(JSON.stringify(names))`,
    )
    const imported = JSON.parse(await project.node('import.mjs')) as Record<string, string[]>
    const required = JSON.parse(await project.node('require.cjs')) as Record<string, string[]>
    expect(required).toEqual(imported)
    expect(Object.keys(imported)).toEqual(entries)
    expect(imported).toMatchObject({
      tidemark: expect.arrayContaining(['definePipeline', 'json', 'isTidemarkError']) as unknown,
      'tidemark/plugin': ['TidemarkPlugin'],
      'tidemark/client': ['PipelineClient'],
      'tidemark/workflows': [
        'tidemarkLook',
        'tidemarkPipeline',
        'tidemarkSavedTask',
        'tidemarkSavepoint',
        'tidemarkTask',
      ],
      'tidemark/testing': expect.arrayContaining(['memorySink', 'memorySource']) as unknown,
      'tidemark/kafka': expect.arrayContaining(['kafkaSource']) as unknown,
      'tidemark/file': ['fileSink', 'fileState'],
      'tidemark/postgres': [
        'postgresLedgerDdl',
        'postgresSink',
        'postgresState',
        'postgresStateDdl',
        'postgresStatementSink',
      ],
      'tidemark/s3': ['readCommitted', 'removeUncommitted', 's3Sink', 's3State'],
      'tidemark/lmdb': ['lmdbStore'],
      'tidemark/http': ['httpSink'],
      'tidemark/temporal': ['workflowSink', 'workflowUpdateSink'],
    })
  })

  it('load without the optional packages, and say on a worker which one is missing', async () => {
    await rm(join(project.directory, 'node_modules/pg'))
    await rm(join(project.directory, 'node_modules/@aws-sdk/client-s3'))
    await rm(join(project.directory, 'node_modules/lmdb'))
    await project.write(
      'without.mjs',
      `import { postgresSink } from 'tidemark/postgres'
      const { open } = postgresSink({ table: 't' })[Symbol.for('tidemark.sink')]
      const place = { pipeline: 'p', stage: 'main', partition: 0, sinks: ['out'] }
      await open({ ...place, connection: () => ({ host: 'nowhere' }) }).catch(({ code, message }) => console.log(code, message))`,
    )
    expect(await project.node('without.mjs')).toMatch(/^SinkUnauthorized .*the package 'pg' can't be loaded/)
    await project.write(
      'without-s3.mjs',
      `import { readCommitted, s3Sink } from 'tidemark/s3'
      s3Sink({ bucket: 'some-bucket' })
      await readCommitted({ bucket: 'some-bucket' }).next().catch(({ code, message }) => console.log(code, message))`,
    )
    expect(await project.node('without-s3.mjs')).toMatch(/^SinkUnauthorized .*install it beside tidemark/)
    await project.write(
      'without-lmdb.mjs',
      `import { lmdbStore } from 'tidemark/lmdb'
      const task = { namespace: 'n', pipeline: 'p', stage: 'main', partition: 0 }
      await lmdbStore({ directory: 'state' }).open(task).catch(({ message }) => console.log(message))`,
    )
    expect(await project.node('without-lmdb.mjs')).toMatch(/^the package 'lmdb' can't be loaded: install it beside/)
  })

  it('are all there is: the inside stays inside', async () => {
    await project.write('inside.mjs', `await import('tidemark/dist/src/engine/session.js')`)
    await expect(project.node('inside.mjs')).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  it.each([
    ['node16', { module: 'node16', moduleResolution: 'node16' }],
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ])('have types under moduleResolution %s', async (_, resolution) => {
    await copyConsumer()
    const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }
    expect(await project.compile('every-entry.ts', { ...strictest, ...resolution, noEmit: true })).toBe('')
  })

  it('have declarations that are right in themselves', async () => {
    await copyConsumer()
    const all = await project.compile('every-entry.ts', { module: 'nodenext', skipLibCheck: false, noEmit: true })
    expect(all.split('\n').filter((line) => /node_modules\/tidemark\/|^every-entry/.test(line))).toEqual([])
  })
})

describe('the command', () => {
  it('tells its version', async () => {
    const { tidemark = '' } = project.manifest.bin
    const command = join('node_modules/tidemark', tidemark)
    expect(await readFile(join(project.directory, command), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    expect((await project.node(command, '--version')).trim()).toBe(project.manifest.version)
  })
})

describe('the workflows', () => {
  it('can be bundled by somebody else', async () => {
    await project.write(
      'bundle.cjs',
      `const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker')
      const workflowsPath = require.resolve('tidemark/workflows')
      bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') }).then(({ code }) => console.log(code))`,
    )
    const code = await project.node('bundle.cjs')
    expect(code).toMatch(/async function tidemarkPipeline\(/)
    expect(code).toMatch(/async function tidemarkTask\(/)
  })
})

function copyConsumer(): Promise<void> {
  return copyFile(join(import.meta.dirname, 'consumer/every-entry.ts'), join(project.directory, 'every-entry.ts'))
}

function entriesOf({ manifest }: ScratchProject): string[] {
  const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')
  return subpaths.map((subpath) => subpath.replace('.', 'tidemark'))
}

function pathsIn(target: unknown): string[] {
  return typeof target === 'string' ? [target] : Object.values(target as Record<string, unknown>).flatMap(pathsIn)
}

function inlineMap(text: string): string {
  return Buffer.from(text.slice(text.lastIndexOf('base64,') + 'base64,'.length), 'base64').toString()
}
