/**
 * Batches that can't be read. No producer writes them and no broker takes them, so they are made where damage is made: in
 * the segment file of a running broker, which sends what it finds there without looking at it.
 */
import { open } from 'node:fs/promises'
import { definePipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { expect } from 'vitest'
import { plainBatches } from '../../fuzz/plain-batches.js'
import { uniqueName } from '../../setup/unique-name.js'
import { sealBatch } from '../../unit/connectors/kafka/craft-batch.js'
import type { Output } from '../output.js'
import type { Rig } from '../rig.js'
import { numbers } from '../topics.js'
import { begunAnew, numbersOf, parked, range, resumed, type Row } from './row.js'

/** Three batches of five records. */
const SIZE = 5
const BAD_AT = SIZE
const COUNT = 3 * SIZE

const MAGIC_AT = 16
const ATTRIBUTES_AT = 21

/** Changes the batch that begins at `offset`, in place. What it returns puts the old bytes back. */
async function damage(file: string, offset: number, change: (batch: Buffer) => void): Promise<() => Promise<void>> {
  const handle = await open(file, 'r+')
  try {
    const log = await handle.readFile()
    const found = plainBatches(log).find(({ baseOffset }) => baseOffset === BigInt(offset))
    if (found === undefined) throw new Error(`${file} has no batch at ${offset}`)
    const at = found.bytes.byteOffset - log.byteOffset
    const whole = Buffer.from(found.bytes)
    const damaged = Buffer.from(found.bytes)
    change(damaged)
    await handle.write(damaged, 0, damaged.length, at)
    return async () => {
      const again = await open(file, 'r+')
      await again.write(whole, 0, whole.length, at)
      await again.close()
    }
  } finally {
    await handle.close()
  }
}

interface BadBatch {
  readonly input: string
  readonly says: string
  readonly change: (batch: Buffer) => void
  /** The way on. */
  readonly mend: (rig: Rig, name: string, files: Output, repair: () => Promise<void>) => Promise<void>
}

function unreadable({ input, says, change, mend }: BadBatch): Row {
  return {
    input,
    code: 'CorruptBatch',
    async set({ topics, output, segment }) {
      const name = uniqueName('bad-batch')
      const files = await output()
      await topics.make(name, 1)
      for (let first = 0; first < COUNT; first += SIZE) await topics.send(name, 0, numbers(SIZE, first))
      const repair = await damage(segment(name), BAD_AT, change)
      const pipeline = definePipeline({
        name,
        sources: { numbers: numbersOf(name) },
        steps: ({ numbers: read }) => read.to('files', fileSink({ directory: files.directory, origin: true })),
        checkpoint: { interval: '500ms' },
      })
      return {
        pipeline,
        async run(rig) {
          await rig.begin(name)
          const { problem, positions } = await parked(rig, name, 'CorruptBatch')
          expect(problem.message).toContain(`the batch at position ${BAD_AT} ${says}`)
          expect(positions).toEqual({ numbers: String(BAD_AT) })
          expect(await files.positions(0)).toEqual(range(0, BAD_AT))
          await mend(rig, name, files, repair)
        },
      }
    },
  }
}

/** The bytes are there again: from a replica, or a backup. */
const repaired: BadBatch['mend'] = async (rig, name, files, repair) => {
  await repair()
  await resumed(rig, name, COUNT)
  await files.expectNumbers([COUNT])
}

/** The bytes are lost: all but that batch. */
const passedOver: BadBatch['mend'] = async (rig, name, files) => {
  await begunAnew(rig, name, BAD_AT + SIZE)
  expect(await files.positions(0, 1)).toEqual(range(0, BAD_AT))
  expect(await files.positions(0, 2)).toEqual(range(BAD_AT + SIZE, COUNT))
}

export const batches: readonly Row[] = [
  unreadable({
    input: 'bad CRC',
    says: 'does not match its checksum',
    change: (batch) => void (batch[batch.length - 2]! ^= 0x10),
    mend: repaired,
  }),
  unreadable({
    input: 'unknown codec',
    says: 'is compressed with an unknown codec (7)',
    change(batch) {
      batch.writeUInt16BE(batch.readUInt16BE(ATTRIBUTES_AT) | 0x07, ATTRIBUTES_AT)
      sealBatch(batch)
    },
    mend: repaired,
  }),
  unreadable({
    input: 'unknown magic',
    says: 'is in an unknown format (magic 9)',
    change: (batch) => void (batch[MAGIC_AT] = 9),
    mend: passedOver,
  }),
]
