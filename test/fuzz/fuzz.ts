import { caseOf, javaBatches } from './cases.js'
import { judge, type Outcome } from './judge.js'
import { startWatchdog } from './watchdog.js'

export interface Report extends Record<Outcome, number> {
  readonly batches: number
  readonly seed: number
  /** Of the one that took longest, read twice. */
  readonly longestMs: number
  /** The most that the process held, at a look every thousand. */
  readonly residentBytes: number
}

export interface FuzzOptions {
  readonly seed: number
  /** How many batches are mutated, each read by the decoder and plainly. */
  readonly batches: number
  /** The number of the first. */
  readonly first?: number
  readonly onProgress?: (done: number) => void
}

/** One batch decompresses to 256 MiB at the most, read twice. */
const LONGEST_MS = 20_000
/** Bytes this process may hold: the limit of a batch for each reader, twice where pieces are joined, and the rest. */
const MOST_RESIDENT = 1.5 * 1024 ** 3

/** Mutates batches and judges what the decoder makes of them. Throws for the first wrong answer, with its number. */
export async function fuzz({ seed, batches, first = 0, onProgress }: FuzzOptions): Promise<Report> {
  const written = javaBatches()
  const outcomes: Record<Outcome, number> = { read: 0, refused: 0, stricter: 0 }
  const watchdog = startWatchdog(seed, LONGEST_MS)
  let [longestMs, residentBytes] = [0, 0]
  try {
    for (let number = first; number < first + batches; number++) {
      watchdog.next(number)
      const begun = performance.now()
      const { bytes, question, pieces } = caseOf(seed, number, written)
      try {
        outcomes[judge(bytes, question, pieces)]++
      } catch (error) {
        const what = `batch ${number} of seed ${seed}: ${error instanceof Error ? error.message : String(error)}`
        throw new Error(`${what}\n${JSON.stringify({ ...question, ...pieces })}\n${bytes.toString('base64')}`, {
          cause: error,
        })
      }
      longestMs = Math.max(longestMs, performance.now() - begun)
      if (number % 1_000 !== 999) continue
      residentBytes = Math.max(residentBytes, process.memoryUsage.rss())
      if (residentBytes > MOST_RESIDENT) throw new Error(`by batch ${number} of seed ${seed}: ${residentBytes} bytes`)
      onProgress?.(number + 1 - first)
      // Others of this process get their turn: the watchdog's start, a test runner's messages.
      await new Promise(setImmediate)
    }
  } finally {
    await watchdog.stop()
  }
  return { batches, seed, ...outcomes, longestMs: Math.round(longestMs), residentBytes }
}
