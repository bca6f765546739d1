/** Prints a measured time: what was promised is asserted, how long it took is told. */
export function tellTimes(what: string, times: ReadonlyMap<number, number> | number): void {
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`
  const all = typeof times === 'number' ? [] : [...times].map(([partition, ms]) => `${partition}: ${seconds(ms)}`)
  const longest = typeof times === 'number' ? times : Math.max(...times.values())
  process.stdout.write(`  ${what}: ${seconds(longest)}${all.length > 1 ? ` (by partition ${all.join(', ')})` : ''}\n`)
}
