import { expect, test } from 'vitest'
import { fuzz } from './fuzz.js'

const BATCHES = 20_000

/** `npm run fuzz -- --batches 1000000` does the same for longer. */
test(
  'mutated batches: an error or a right answer, never a hang, a crash or a wrong record',
  { timeout: 300_000 },
  async () => {
    const { read, refused, stricter } = await fuzz({ seed: 20_260_101, batches: BATCHES })
    expect(read + refused + stricter).toBe(BATCHES)
    // Otherwise the mutations prove little.
    expect(Math.min(read, refused)).toBeGreaterThan(BATCHES / 4)
    expect(stricter).toBeLessThan(BATCHES / 200)
  },
)
