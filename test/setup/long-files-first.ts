import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that mostly wait, for patience, sessions or retention to run out, and the longest of the others. Only an order:
 * what isn't here comes when it comes.
 */
const LONG = [
  'guarantees/faults/kafka',
  'guarantees/faults/postgres',
  'unit/connectors/kafka/java-consumer',
  'guarantees/faults/s3',
  'guarantees/faults/file',
  'unit/connectors/kafka/sink/offset-expiry',
  'guarantees/postgres-sink',
  'guarantees/kafka-sink',
  'guarantees/continue-as-new',
  'unit/connectors/kafka/broker-loss',
  'guarantees/golden-rescale',
  'guarantees/unlike-workers',
  'unit/dev/stack',
  'unit/connectors/kafka/sink/contract',
  'contract/demo',
  'guarantees/bad-input',
  'contract/compose-image',
  'guarantees/slow-step',
  'guarantees/s3-sink',
  'guarantees/kill-worker',
  'unit/connectors/kafka/authentication',
  'guarantees/temporal-restart',
  'guarantees/hand-over',
  'guarantees/triggers',
  'unit/state/shelf.property',
  'unit/connectors/postgres/contract',
  'guarantees/start-again',
  'guarantees/zombie-worker',
  'guarantees/golden-run',
  'guarantees/pause-resume',
  'unit/connectors/kafka/sink/broker-loss',
  'guarantees/broker-restart',
  'guarantees/time-travel',
  'guarantees/start-command',
  'guarantees/join',
  'guarantees/repartition',
  'unit/engine/epoch',
].map((name) => `test/${name}.test.ts`)

/** A long file, two short ones, and so on: while one waits others compute, and no long one is left to the end. */
export default class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const gone = LONG.filter((path) => !existsSync(join(root, path)))
    if (gone.length > 0) throw new Error(`long-files-first.ts names what isn't there: ${gone.join(', ')}`)
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of sequencers, not of arrays
    const sorted = await super.sort(files)
    const placeOf = ({ moduleId }: TestSpecification): number =>
      LONG.indexOf(relative(root, moduleId).replaceAll('\\', '/'))
    const long = sorted.filter((file) => placeOf(file) >= 0).toSorted((a, b) => placeOf(a) - placeOf(b))
    const short = sorted.filter((file) => placeOf(file) < 0)
    const merged = long.flatMap((file, n) => [file, ...short.slice(2 * n, 2 * n + 2)])
    return [...merged, ...short.slice(2 * long.length)]
  }
}
