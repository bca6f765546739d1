import { resolve } from 'node:path'
import { defineSink } from '../../definition/define-sink.js'
import type { Fault } from '../../definition/fault.js'
import type { Encoder } from '../../definition/serde.js'
import type { Sink, TransactionalSink } from '../../definition/sink.js'
import { targetOf, type Place } from '../ledger-chain/target.js'
import { nodeDisk, type Disk } from './disk.js'
import { sinkFailure } from './failure.js'
import { layoutOf } from './layout.js'
import { Ledger } from './ledger.js'
import { lineFaults } from '../lines/line-faults.js'
import { lineEncoder, type Line, type LineOptions } from '../lines/line.js'
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
    open: (ctx) => openLedger({ disk, layout: layout(ctx), target: targetOf(ctx, describe), buffered }, ctx),
    async inspect(ctx) {
      const target = targetOf(ctx, describe)
      try {
        return (await new Ledger(disk, layout(ctx), ctx.ledgerKey, target).newest())?.receipt ?? null
      } catch (error) {
        throw sinkFailure(target, 'read its ledger', error)
      }
    },
  }
}

const faultsOf = (options: object): readonly Fault[] =>
  lineFaults('fileSink', options, ['directory'], ({ directory }, check) => {
    check('directory', typeof directory === 'string' && directory.trim() !== '', 'must be a path', directory)
  })
