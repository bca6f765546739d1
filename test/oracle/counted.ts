import { compare, type Outputs, type Verdict } from './compare.js'
import { readCommitted } from './read-committed.js'
import { readOutput } from './read-output.js'
import { readTopic, type TopicRecord } from './read-topic.js'

/**
 * What the pipeline of test/fixtures/pipeline.ts has to make of these records, said a second time in other words. Nothing
 * of the library is used here.
 */
export function expectedOutputs(records: ReadonlyMap<number, readonly TopicRecord[]>, keeps = false): Outputs {
  return new Map(
    [...records].map(([partition, some]) => {
      const lines = some.flatMap(expectedLines)
      return [partition, keeps ? numbered(lines) : lines]
    }),
  )
}

/** Each line with how many of its key there have been in its partition, itself included. */
function numbered(lines: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return lines.map((line) => {
    const [partition, offset, key, value] = JSON.parse(line) as readonly [number, string, string, string]
    const nth = (seen.get(key) ?? 0) + 1
    seen.set(key, nth)
    return JSON.stringify([partition, offset, key, value, nth])
  })
}

function expectedLines({ partition, offset, key, value }: TopicRecord): string[] {
  const number = numberIn(value)
  if (number % 7 === 0) return []
  const values = number % 3 === 0 ? [`${number}a`, `${number}b`] : [String(number)]
  return values.map((one) => JSON.stringify([partition, String(offset), key, one]))
}

/** An output without what can't be known beforehand: the epoch's time, the random number, the call. Others stay as they are. */
export function withoutChance(line: string): string {
  const { partition, offset, key, value, nth, now, dice, call, ...others } = parse(line)
  const called = call === undefined || typeof call === 'string'
  const known = called && typeof now === 'number' && typeof dice === 'number' && dice >= 0 && dice < 1
  if (!known || Object.keys(others).length > 0) return line
  return JSON.stringify(nth === undefined ? [partition, offset, key, value] : [partition, offset, key, value, nth])
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}

export function numberIn(value: string | null): number {
  const { n } = JSON.parse(value ?? 'null') as { n: number }
  return n
}

export interface CountedVerdict extends Verdict {
  /** How many different numbers the topic holds: what its producer has sent. */
  readonly numbers: number
}

/** Reads topic and output, and compares. */
export async function judgeCounted(place: {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly directory: string
  readonly keeps?: boolean
}): Promise<CountedVerdict> {
  const lines = await readOutput(place.directory)
  const found = new Map([...lines].map(([partition, some]) => [partition, some.map(withoutChance)]))
  const [verdict] = await judgeOutputs(place, [found])
  if (verdict === undefined) throw new Error('no outputs, no verdict')
  return verdict
}

/** Reads the topic and compares each of these outputs, named as `withoutChance` does, with what has to come of it. */
export async function judgeOutputs(
  place: { readonly brokers: readonly string[]; readonly topic: string; readonly keeps?: boolean },
  outputs: readonly Outputs[],
): Promise<CountedVerdict[]> {
  const records = await readTopic(place.brokers, place.topic)
  const expected = expectedOutputs(records, place.keeps)
  const numbers = new Set([...records.values()].flat().map(({ value }) => numberIn(value)))
  return outputs.map((found) => ({ numbers: numbers.size, ...compare(expected, found) }))
}

/** The same where the output is a topic whose partitions are the input's. */
export async function judgeCountedTopic(
  brokers: readonly string[],
  topic: string,
  output: string,
): Promise<CountedVerdict> {
  const [verdict] = await judgeOutputs({ brokers, topic }, [await readOutputTopic(brokers, output)])
  if (verdict === undefined) throw new Error('no outputs, no verdict')
  return verdict
}

/** Committed outputs in a topic, by its partitions. */
export async function readOutputTopic(brokers: readonly string[], output: string): Promise<Outputs> {
  const found = new Map<number, string[]>()
  for (const { partition, value } of await readCommitted(brokers, output)) {
    const lines = found.get(partition) ?? []
    if (lines.length === 0) found.set(partition, lines)
    lines.push(withoutChance(value ?? 'null'))
  }
  return found
}
