/** Of at least one value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  if (low === undefined || high === undefined) throw new RangeError('there is no median of nothing')
  return (low + high) / 2
}

export const rounded = (value: number, digits = 0): number => Number(value.toFixed(digits))

const number = new Intl.NumberFormat('en-US')

/** With commas between thousands. */
export const count = (value: number): string => number.format(Math.round(value))

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
