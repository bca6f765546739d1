import { z } from 'zod'

/** Bytes of each record's value. */
export const RECORD_BYTES = 200

/** Numbers of equal length, so that each digit has its place. */
const FIRST = 10_000_000
const HEAD = '{"n":'
const LAST_DIGIT_AT = HEAD.length + String(FIRST).length - 1
const THREE = 0x33

/** The record of that number: JSON of exactly `RECORD_BYTES`. */
export function recordOf(index: number): string {
  const open = `${HEAD}${FIRST + index},"pad":"`
  return `${open}${'x'.repeat(RECORD_BYTES - open.length - 2)}"}`
}

export const Numbered = z.object({ n: z.number(), pad: z.string() })
export type Numbered = z.output<typeof Numbered>

/** One in ten, told from the bytes. */
export const isTenthOfRaw = (value: Uint8Array): boolean => value[LAST_DIGIT_AT] === THREE

/** The same one in ten, told from the number. */
export const isTenth = ({ n }: Numbered): boolean => n % 10 === 3

/** How many of the first `records` these are. */
export const tenthOf = (records: number): number => Math.floor((records + 6) / 10)
