import type { Message } from 'kafkajs'
import type { Reading } from '../fixtures/golden-steps.js'
import { Seeded } from '../simulation/seeded.js'

export const BEGIN = Date.UTC(2026, 0, 1)

/** One of the keys of a partition. */
export const keyOf = (partition: number, random: Seeded, of = 40): string => `key-${partition}-${random.below(of)}`

/** Of one partition, without an end: out of order, some twice, with pauses; `late`: and some too late. `keys`: how many there are. */
export function* readings(
  partition: number,
  seed: number,
  { late = true, keys = 40 } = {},
): Generator<Message & { timestamp: string }> {
  const random = new Seeded(partition + seed)
  let time = BEGIN
  for (let n = 0; ; n++) {
    time += random.chance(0.02) ? 1_200 : random.below(80)
    const disorder = random.chance(0.05) && late ? 12_000 : 2_000
    const reading: Reading = {
      id: `${partition}-${random.chance(0.2) ? Math.max(0, n - random.below(400)) : n}`,
      at: time - random.below(disorder),
      amount: random.below(1_000),
    }
    yield { partition, key: keyOf(partition, random, keys), timestamp: String(time), value: JSON.stringify(reading) }
  }
}

/** The next so many of them. */
export function take<T>(count: number, from: Iterator<T, undefined>): T[] {
  return Array.from({ length: count }, () => from.next()).flatMap(({ done, value }) => (done === true ? [] : [value]))
}
