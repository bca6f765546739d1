/** Rights and places that are missing: the task parks, or waits where it passes by itself, and loses nothing meanwhile. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { deadLetter, definePipeline, defineSink, type Sink } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSink } from 'tidemark/kafka'
import { postgresSink } from 'tidemark/postgres'
import { expect } from 'vitest'
import type * as disks from '../../../src/connectors/file/disk.js'
import type * as sinks from '../../../src/connectors/file/file-sink.js'
import { readCommitted } from '../../oracle/read-committed.js'
import { postgresUrl } from '../../setup/shared-servers.js'
import { uniqueName } from '../../setup/unique-name.js'
import { numbers } from '../topics.js'
import { numbersOf, parked, range, reached, resumed, type Row, waitsFor } from './row.js'

const COUNT = 10

const sourceForbidden: Row = {
  input: 'authorisation failure of the source',
  code: 'SourceUnauthorized',
  async set({ topics, output, kafka }) {
    const name = uniqueName('no-right-to-read')
    const files = await output()
    await topics.make(name, 1)
    await topics.send(name, 0, numbers(COUNT))
    await kafka.grant('DESCRIBE', name)
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name, { cluster: 'guarded' }) },
      steps: ({ numbers: read }) => read.to('files', fileSink({ directory: files.directory, origin: true })),
      checkpoint: { interval: '500ms' },
    })
    return {
      pipeline,
      async run(rig) {
        await rig.begin(name)
        const { problem } = await parked(rig, name, 'SourceUnauthorized')
        expect(problem.message).toContain(`not allowed to read topic ${name}`)
        await kafka.grant('READ', name)
        await resumed(rig, name, COUNT)
        await files.expectNumbers([COUNT])
      },
    }
  },
}

const sinkForbidden: Row = {
  input: 'authorisation failure of a sink',
  code: 'SinkUnauthorized',
  async set({ topics, kafka }) {
    const name = uniqueName('no-right-to-write')
    const out = `${name}-out`
    for (const topic of [name, out]) await topics.make(topic, 1)
    await topics.send(name, 0, numbers(COUNT))
    for (const right of ['DESCRIBE', 'CREATE', 'READ'] as const) await kafka.grant(right, 'tidemark.*')
    await kafka.grant('READ', 'tidemark.*', 'GROUP')
    for (const right of ['DESCRIBE', 'WRITE'] as const) await kafka.grant(right, 'tidemark/*', 'TRANSACTIONAL_ID')
    await kafka.grant('DESCRIBE', out)
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.to('out', kafkaSink({ topic: out, cluster: 'guarded' })),
      checkpoint: { interval: '500ms' },
    })
    return {
      pipeline,
      async run(rig) {
        await rig.begin(name)
        const { problem } = await parked(rig, name, 'SinkUnauthorized')
        expect(problem.message).toContain(`not allowed to write to ${out}`)
        await kafka.grant('WRITE', out)
        await resumed(rig, name, COUNT)
        expect((await readCommitted(kafka.brokers, out)).map(({ value }) => value)).toEqual(numbers(COUNT))
      },
    }
  },
}

const tableMissing: Row = {
  input: 'table of a sink missing',
  code: 'SinkUnauthorized',
  async set({ topics, database }) {
    const name = uniqueName('no-table')
    const table = name.replaceAll('-', '_')
    await topics.make(name, 1)
    await topics.send(name, 0, numbers(COUNT))
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.map('row', ({ n }) => ({ n })).to('rows', postgresSink({ table })),
      checkpoint: { interval: '500ms' },
    })
    return {
      pipeline,
      async run(rig) {
        await rig.begin(name)
        const { problem } = await parked(rig, name, 'SinkUnauthorized')
        expect(problem.message).toContain(`(table ${table}): there is no such table`)
        await database.ask(`CREATE TABLE ${table} (place bigserial, n integer)`)
        await resumed(rig, name, COUNT)
        const rows = await database.ask<{ n: number }>(`SELECT n FROM ${table} ORDER BY place`)
        expect(rows.map(({ n }) => n)).toEqual(range(0, COUNT))
      },
    }
  },
}

/** A module of the built package, as the plugin's are: the disk is no option of the public sink. */
async function built<M>(path: string): Promise<M> {
  return (await import(new URL(`../../../dist/src/connectors/file/${path}`, import.meta.url).href)) as M
}

/**
 * The system's answer is made up here, since a test may not fill a disk: writing leaves half of it behind and fails, as on
 * a real one. All above that is the product.
 */
async function onDisk(directory: string, isFull: () => boolean): Promise<Sink<unknown>> {
  const { nodeDisk } = await built<typeof disks>('disk.js')
  const { fileSinkDefinition } = await built<typeof sinks>('file-sink.js')
  const refuse = (syscall: string): void => {
    if (isFull())
      throw Object.assign(new Error(`ENOSPC: no space left on device, ${syscall}`), { code: 'ENOSPC', syscall })
  }
  const disk: disks.Disk = {
    ...nodeDisk,
    async writeNew(path, content) {
      refuse('open')
      await nodeDisk.writeNew(path, content)
    },
    async append(path) {
      const file = await nodeDisk.append(path)
      return {
        async write(bytes) {
          if (isFull()) await file.write(bytes.subarray(0, bytes.length / 2))
          refuse('write')
          await file.write(bytes)
        },
        sync: () => file.sync(),
        close: () => file.close(),
      }
    },
  }
  return defineSink(fileSinkDefinition<unknown>({ directory, origin: true }, disk, 1024))
}

const diskFull: Row = {
  input: 'disk of a sink full',
  code: 'SinkUnavailable',
  async set({ topics, output }) {
    const name = uniqueName('full-disk')
    const files = await output()
    let full = false
    await topics.make(name, 1)
    await topics.send(name, 0, numbers(COUNT))
    const sink = await onDisk(files.directory, () => full)
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.to('files', sink),
      checkpoint: { interval: '500ms' },
    })
    return {
      pipeline,
      async run(rig) {
        await rig.begin(name)
        await reached(rig, name, COUNT)
        full = true
        await topics.send(name, 0, numbers(500, COUNT))
        expect(await waitsFor(rig, name, 'SinkUnavailable')).toContain('ENOSPC: no space left on device')
        expect(await files.positions(0)).toEqual(range(0, COUNT))
        full = false
        await reached(rig, name, COUNT + 500)
        await files.expectNumbers([COUNT + 500])
      },
    }
  },
}

const lettersMissing: Row = {
  input: 'dead-letter topic missing',
  code: 'SinkUnauthorized',
  async set({ topics, output, kafka }) {
    const name = uniqueName('no-letters')
    const dead = `${name}-dead`
    const files = await output()
    await topics.make(name, 1)
    await topics.send(name, 0, [...numbers(5), 'bad', ...numbers(4, 6)])
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.to('files', fileSink({ directory: files.directory, origin: true })),
      onError: deadLetter(kafkaSink({ topic: dead, value: { encode: ({ value }) => value ?? Buffer.of() } })),
      checkpoint: { interval: '500ms' },
    })
    return {
      pipeline,
      async run(rig) {
        await rig.begin(name)
        const { problem } = await parked(rig, name, 'SinkUnauthorized')
        expect(problem.message).toContain(`describe topic ${dead}: create the topic first`)
        await topics.make(dead, 1)
        await resumed(rig, name, COUNT)
        expect(await files.positions(0)).toEqual(range(0, COUNT).filter((n) => n !== 5))
        expect((await readCommitted(kafka.brokers, dead)).map(({ value }) => value)).toEqual(['bad'])
      },
    }
  },
}

/** A port behind which the database server is: closed, it is down. */
class Door {
  private server: Server | undefined
  private readonly links = new Set<Socket>()

  async open(port: number): Promise<void> {
    const { hostname, port: postgres } = new URL(postgresUrl())
    this.server = createServer((client) => {
      const server = connect(Number(postgres), hostname)
      for (const socket of [client, server]) {
        this.links.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          client.destroy()
          server.destroy()
        })
      }
      client.pipe(server).pipe(client)
    })
    await once(this.server.listen(port, '127.0.0.1'), 'listening')
  }

  close(): void {
    this.server?.close()
    for (const link of this.links) link.destroy()
  }
}

const lettersDown: Row = {
  input: 'dead-letter database down',
  code: 'SinkUnavailable',
  async set({ topics, output, database, lettersPort }) {
    const name = uniqueName('letters-down')
    const table = name.replaceAll('-', '_')
    const files = await output()
    const door = new Door()
    await topics.make(name, 1)
    await topics.send(name, 0, numbers(5))
    await database.ask(`CREATE TABLE ${table} (reason text, error jsonb, step text, origin jsonb, key bytea, value bytea,
      timestamp bigint, attempts integer)`)
    await door.open(lettersPort)
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.to('files', fileSink({ directory: files.directory, origin: true })),
      onError: deadLetter(postgresSink({ table, database: 'letters' })),
      checkpoint: { interval: '500ms' },
    })
    return {
      pipeline,
      async run(rig) {
        try {
          await rig.begin(name)
          await reached(rig, name, 5)
          door.close()
          await topics.send(name, 0, ['bad', ...numbers(4, 6)])
          await waitsFor(rig, name, 'SinkUnavailable')
          await door.open(lettersPort)
          await reached(rig, name, COUNT)
          expect(await files.positions(0)).toEqual(range(0, COUNT).filter((n) => n !== 5))
          expect(await database.ask(`SELECT convert_from(value, 'UTF8') AS value FROM ${table}`)).toEqual([
            { value: 'bad' },
          ])
        } finally {
          door.close()
        }
      },
    }
  },
}

export const targets: readonly Row[] = [
  sourceForbidden,
  sinkForbidden,
  tableMissing,
  diskFull,
  lettersMissing,
  lettersDown,
]
