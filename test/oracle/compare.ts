/** What is wrong with an output, in samples a person can look up. Nothing is wrong where all four are empty. */
export interface Verdict {
  readonly expected: number
  readonly found: number
  readonly lost: readonly string[]
  readonly duplicated: readonly string[]
  readonly reordered: readonly string[]
  /** Nothing in the input explains them, or not in this partition. */
  readonly foreign: readonly string[]
}

/** Outputs of one partition, in order. Each expected one is unlike any other. */
export type Outputs = ReadonlyMap<number, readonly string[]>

/** Compares what is there with what has to be there, partition by partition. */
export function compare(expected: Outputs, found: Outputs): Verdict {
  const verdict = { lost: [], duplicated: [], reordered: [], foreign: [] }
  for (const partition of new Set([...expected.keys(), ...found.keys()])) {
    comparePartition(expected.get(partition) ?? [], found.get(partition) ?? [], verdict)
  }
  return { expected: count(expected), found: count(found), ...verdict }
}

type Faults = Record<'lost' | 'duplicated' | 'reordered' | 'foreign', string[]>

function comparePartition(expected: readonly string[], found: readonly string[], faults: Faults): void {
  const places = new Map(expected.map((line, place) => [line, place]))
  if (places.size !== expected.length)
    throw new Error('two expected outputs are the same: nothing can be told from them')
  const seen = new Set<string>()
  const order: number[] = []
  for (const line of found) {
    const place = places.get(line)
    if (place === undefined) faults.foreign.push(line)
    else if (seen.has(line)) faults.duplicated.push(line)
    else {
      seen.add(line)
      order.push(place)
    }
  }
  for (const line of expected) if (!seen.has(line)) faults.lost.push(line)
  const inOrder = longestRise(order)
  for (const place of order) if (!inOrder.has(place)) faults.reordered.push(expected[place] ?? '')
}

/** The most numbers of a list of distinct ones that stand in ascending order: all others are out of place. */
function longestRise(numbers: readonly number[]): Set<number> {
  /** By length: index of the smallest number that ends a rise of that length. */
  const ends: number[] = []
  const before = new Int32Array(numbers.length).fill(-1)
  const at = (index: number | undefined): number => numbers[index ?? -1] ?? -1
  for (let i = 0; i < numbers.length; i++) {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (at(ends[middle]) < at(i)) low = middle + 1
      else high = middle
    }
    before[i] = ends[low - 1] ?? -1
    ends[low] = i
  }
  const rise = new Set<number>()
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i] ?? -1) rise.add(at(i))
  return rise
}

function count(outputs: Outputs): number {
  let sum = 0
  for (const lines of outputs.values()) sum += lines.length
  return sum
}
