import { readFileSync } from 'node:fs'
import { Seeded } from '../simulation/seeded.js'
import type { Pieces } from './judge.js'
import { anyBatch, PRODUCERS, seal, sealChecksum } from './make-batch.js'
import { mutations } from './mutations.js'
import { plainBatches } from './plain-batches.js'
import type { Question } from './plain-decoder.js'

export interface Case {
  readonly bytes: Buffer
  readonly question: Question
  readonly pieces: Pieces
}

/** Batches that the Java producer has written: see seeds/README.md. */
export function javaBatches(): Buffer[] {
  // Beside the sources also when this runs from dist.
  const file = new URL('seeds/java.bin', import.meta.url.replace('/dist/test/', '/test/'))
  return plainBatches(readFileSync(file)).map(({ bytes }) => Buffer.from(bytes))
}

/** The case of that number: the same for the same seed, whatever came before. */
export function caseOf(seed: number, number: number, written: readonly Buffer[]): Case {
  const random = new Seeded(seed * 1_000_003 + number)
  const batch = (): Buffer => Buffer.from(random.chance(0.6) ? random.pick(written) : anyBatch(random))
  const parts: Buffer[] = []
  const victim = random.below(2)
  let offset = random.chance(0.9) ? random.below(1_000) : random.below(2 ** 40)
  const first = offset
  for (let i = 0; i < 2; i++) {
    const made = i === victim || random.chance(0.5) ? batch() : null
    if (made === null) continue
    made.writeBigInt64BE(BigInt(offset), 0)
    offset += made.readInt32BE(23) + 1 + (random.chance(0.2) ? random.below(100) : 0)
    parts.push(i === victim ? mutated(made, random, batch()) : made)
  }
  const somewhere = (): number => first + random.below(Math.max(1, offset - first))
  const aborted = Array.from({ length: random.below(3) }, () => {
    return { producerId: random.below(PRODUCERS), firstOffset: somewhere() - random.below(5) }
  })
  return {
    bytes: Buffer.concat(parts),
    question: {
      from: random.chance(0.7) ? first : somewhere(),
      committed: random.chance(0.7),
      lastStableOffset: random.chance(0.8) ? -1 : somewhere(),
      aborted,
    },
    pieces: random.chance(0.6)
      ? { maxRecords: Infinity, maxBytes: Infinity }
      : { maxRecords: 1 + random.below(4), maxBytes: random.chance(0.5) ? Infinity : 1 + random.below(100) },
  }
}

/** One in six keeps a checksum that no longer fits, one in ten a length. */
function mutated(batch: Buffer, random: Seeded, other: Buffer): Buffer {
  const bytes = Buffer.from(random.pick(mutations)(batch, random, other))
  if (bytes.length < 23 || random.chance(1 / 6)) return bytes
  return random.chance(0.1) ? sealChecksum(bytes) : seal(bytes)
}
