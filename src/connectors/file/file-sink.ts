import { resolve } from 'node:path'
import { defineSink } from '../../definition/define-sink.js'
import type { Fault } from '../../definition/fault.js'
import type { Encoder } from '../../definition/serde.js'
import type { Sink, SinkContext, TransactionalSink } from '../../definition/sink.js'
import { nodeDisk, type Disk } from './disk.js'
import { sinkFailure, type Target } from './failure.js'
import { layoutOf } from './layout.js'
import { Ledger } from './ledger.js'
import { lineEncoder, type Line, type LineOptions } from './line.js'
import { openLedger } from './open.js'
import { BUFFERED } from './pending.js'

export interface FileSinkOptions<T> {
  /**
   * Where to write; relative to the worker's working directory. Made if it isn't there. Every worker must see the same
   * one. It belongs to one sink of one pipeline; the file system must have hard links and show every process the same
   * names at once (local disks do; NFS with attribute caching doesn't).
   */
  readonly directory: string
  /** Value to bytes; a newline is added where they don't end with one. Default: JSON lines. */
  readonly format?: Encoder<T>
  /** True: each line becomes `{"origin":{"source","partition","position"},"value":…}`. Default false. Not with `format`. */
  readonly origin?: boolean
  /** Sub-directory of a value, with '/' between its parts: `country=DE`. No part may begin with '.'. Default: none. */
  readonly path?: (value: T) => string
  /** Of the files, without the dot. Default 'jsonl'. */
  readonly extension?: string
}

/**
 * Writes one file per commit: `<directory>[/<path>]/<stage>-<partition>-g<generation>-<seq>.jsonl`, whose names sort in
 * commit order per partition. Exactly-once: a file that matches `*.jsonl` is committed, complete and never changes;
 * what isn't committed lives under `.tidemark`. Commits with the checkpoint unless the pipeline sets a commit interval.
 *
 * A value that JSON can't express (`undefined`, a function, a BigInt) is a bad record: see `onError`.
 */
export function fileSink<T>(options: FileSinkOptions<T>): Sink<T> {
  return defineSink(fileSinkDefinition(options, nodeDisk, BUFFERED))
}

/** The sink over any disk, with any buffer: tests stop it between any two steps. */
export function fileSinkDefinition<T>(
  options: FileSinkOptions<T>,
  disk: Disk,
  buffered: number,
): TransactionalSink<T, Line> {
  const { directory, extension = 'jsonl' } = options
  const describe = `directory ${directory}`
  const targetOf = (ctx: Place): Target => {
    const { pipeline, stage, partition, sinks } = ctx
    return { at: { pipeline, stage, partition, sink: sinks.join(',') }, target: describe }
  }
  // At run time: a relative directory is the worker's, not that of whoever imports the definition.
  const layout = (ctx: Place) => layoutOf(resolve(directory), ctx.stage, ctx.partition, extension)
  return {
    kind: 'file',
    mode: 'transactional',
    describe,
    // Only to tell directories apart: which one it is in truth depends on the worker.
    ...(typeof directory === 'string' && { place: resolve(directory) }),
    commitsWithCheckpoint: true,
    neverRejects: true,
    faults: faultsOf(options),
    encode: lineEncoder(options as LineOptions<T>),
    digest: (line) => line.bytes,
    open: (ctx) => openLedger({ disk, layout: layout(ctx), target: targetOf(ctx), buffered }, ctx),
    async inspect(ctx) {
      const target = targetOf(ctx)
      try {
        return (await new Ledger(disk, layout(ctx), ctx.ledgerKey, target).newest())?.receipt ?? null
      } catch (error) {
        throw sinkFailure(target, 'read its ledger', error)
      }
    },
  }
}

type Place = Pick<SinkContext, 'pipeline' | 'stage' | 'partition' | 'sinks'>

const OPTIONS = ['directory', 'format', 'origin', 'path', 'extension']

function faultsOf(options: object): readonly Fault[] {
  const faults: Fault[] = []
  const check = (path: string, right: boolean, message: string, got: unknown): void => {
    if (!right) faults.push({ path, message, got })
  }
  const { directory, format, origin, path, extension } = options as Readonly<Record<string, unknown>>
  check('directory', typeof directory === 'string' && directory.trim() !== '', 'must be a path', directory)
  check('format', format === undefined || hasEncode(format), 'must have an encode function', typeof format)
  check('origin', origin === undefined || typeof origin === 'boolean', 'must be true or false', origin)
  check('origin', origin !== true || format === undefined, 'goes with JSON lines only: leave out `format`', origin)
  check('path', path === undefined || typeof path === 'function', 'must be a function', typeof path)
  const usable = typeof extension === 'string' && /^[a-z0-9]+(\.[a-z0-9]+)*$/i.test(extension)
  check('extension', extension === undefined || usable, 'must be letters and digits', extension)
  // What matches `*.json` would not only be output: the ledger's files end so.
  check('extension', !/(^|\.)(json|entry|part|new)$/i.test(String(extension)), "is one of the ledger's own", extension)
  for (const name of Object.keys(options)) check(name, OPTIONS.includes(name), 'is no option of fileSink', undefined)
  return faults
}

const hasEncode = (format: unknown): boolean =>
  typeof format === 'object' && format !== null && typeof (format as { encode?: unknown }).encode === 'function'
